/** How live pictures are timed. */
export const quality = {
  quality: {
    title: 'Quality mode',
    text: 'What live pictures are to be above all, for every window that has no mode of its own.',
    auto: 'Auto',
    autoHelp: 'As young as the network lets them move evenly: no delay on a steady network, up to 1 s on a bad one.',
    realTime: 'Real-time',
    realTimeHelp: 'The youngest pictures, each shown as it comes. They stutter where the network does.',
    fluent: 'Fluent',
    fluentHelp: 'Even motion, {ms} ms late.',
    delay: 'Delay of Fluent',
    delayHelp: 'Hiccups of the network up to this length are not seen. Every picture is that much older.',
    ms: '{ms} ms',
    tool: 'Mode',
    toolOf: 'Quality mode of {name}',
    asSettings: 'As set under Me ({mode})',
    chosen: '{name}: {mode}',
    age: '{ms} ms old',
    fluentOf: 'Fluent {ms} ms',
    autoOf: 'Auto {ms} ms',
  },
}
