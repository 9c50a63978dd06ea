/** Sound of a window. */
export const sound = {
  sound: {
    tool: 'Sound',
    listen: 'Sound: listen to {name}',
    mute: 'Sound: mute {name}',
    menuOn: 'Listen',
    menuOff: 'Mute',
    turnedOn: 'Sound of {name} on. All other windows are muted.',
    turnedOff: '{name} is muted.',
    on: 'sound on',
    connecting: 'sound is coming',
    silent: 'no sound',
    none: '{name} sends no sound. If it has a microphone, switch audio on in the camera’s settings.',
    unsupported: 'The sound of {name} is coded as {coding}, which cannot be played here. Choose G.711 or AAC in the camera’s settings.',
    failed: 'No sound from {name}: {why}. The picture is not affected.',
    blocked: 'The system holds the sound of {name} back. Tap Sound twice to try again, and check that a loudspeaker is there.',
  },
}
