/** What a device recorded, played in its window. */
export const replay = {
  replay: {
    tool: 'Hour ago',
    toolOn: 'Live',
    start: 'Hour ago: play what {name} recorded',
    stop: 'Live: end the recording of {name}',
    menuOn: 'Play from one hour ago',
    live: 'Live',
    back: 'Back to live: {name}',
    bar: 'Recording of {name}',
    looking: 'Looking for the recording…',
    started: 'Recording of {name} from one hour ago',
    stopped: '{name} is live',
    skipped: '{name}, from {time}',
    label: 'a recording',
    later: 'Nothing was recorded at {asked}. It begins at {time}.',
    back5m: 'Back 5 minutes',
    back30s: 'Back 30 seconds',
    on30s: 'On 30 seconds',
    on5m: 'On 5 minutes',
    short: { back5m: '−5m', back30s: '−30s', on30s: '+30s', on5m: '+5m' },
  },
}
