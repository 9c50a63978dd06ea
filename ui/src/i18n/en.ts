import { access } from './access.en'
import { adding } from './adding.en'
import { budget } from './budget.en'
import { codes } from './codes.en'
import { devices } from './devices.en'
import { favourites } from './favourites.en'
import { files } from './files.en'
import { player } from './player.en'
import { help } from './help.en'
import { me } from './me.en'
import { wall } from './wall.en'
import { picture } from './picture.en'
import { protection } from './protection.en'
import { sound } from './sound.en'
import { quality } from './quality.en'
import { stream } from './stream.en'
import { replay } from './replay.en'
import { talk } from './talk.en'

/** English: the reference. The other languages have the type of this object, so a missing string does not compile. */
export const en = {
  app: { name: 'Bartizan' },
  tabs: { home: 'Home', messages: 'Messages', devices: 'Devices', me: 'Me', label: 'Main sections' },
  common: {
    cancel: 'Cancel', retry: 'Try again', save: 'Save', details: 'Technical details', undo: 'Undo', back: 'Back',
    channels: 'No channels | 1 channel | {n} channels', more: 'More for {name}',
  },
  home: {
    title: 'Live',
    emptyTitle: 'Nothing on watch yet',
    emptyText: 'Add a camera or a recorder and its pictures appear here. They come straight from the device: no account, no cloud.',
    loading: 'Opening your devices…',
    addDevice: 'Add a device',
    layout: 'Windows on the wall',
    layoutOption: '1 window | {n} windows',
    previousPage: 'Previous page',
    nextPage: 'Next page',
    page: 'Page {page} of {pages}',
    enlarge: 'Enlarge',
    restore: 'Show all windows',
    fullScreen: 'Full screen',
    leaveFullScreen: 'Leave full screen',
    hint: 'Tap a picture to select it, tap twice to enlarge it.',
    wall: 'Video wall',
    tools: 'Wall tools',
  },
  control: {
    title: 'Camera controls',
    panel: { move: 'Move', view: 'View', picture: 'Picture', switches: 'Switches' },
    moving: 'Moving {name}',
    gestureHelp: 'Drag to turn, pinch to zoom',
    gestureHelpCenter: 'Drag to turn, pinch to zoom, tap to centre',
    pad: 'Turn the camera',
    up: 'Up', down: 'Down', left: 'Left', right: 'Right',
    upLeft: 'Up and left', upRight: 'Up and right', downLeft: 'Down and left', downRight: 'Down and right',
    home: 'Home position',
    zoom: 'Zoom', zoomIn: 'Zoom in', zoomOut: 'Zoom out',
    focus: 'Focus', focusNear: 'Focus nearer', focusFar: 'Focus farther', autoFocus: 'Autofocus',
    iris: 'Iris', irisOpen: 'Open the iris (brighter)', irisClose: 'Close the iris (darker)',
    step: 'Speed', stepOf: '{n} of 8',
    presets: 'Presets', presetName: 'Preset {n}', presetNameLabel: 'Name of the preset', savePreset: 'Save this view',
    editPreset: 'Rename or delete {name}', removePreset: 'Delete the preset', noPresets: 'The camera has no presets.',
    where: 'Where the change is made', inCamera: 'In the camera', onScreen: 'On this screen',
    inCameraHelp: 'Changes what everybody sees and what is recorded.',
    onScreenHelp: 'Only on this device, and remembered. The camera and its recordings stay as they are.',
    brightness: 'Brightness', contrast: 'Contrast', saturation: 'Saturation', hue: 'Hue',
    flipX: 'Mirror', flipY: 'Upside down', turnLeft: '90° left', turnRight: '90° right', turnOver: '180°', reset: 'Defaults',
    asking: 'Asking the device…',
    light: 'Light', siren: 'Siren', wiper: 'Wiper', tracking: 'Smart tracking',
    on: 'On', off: 'Off', onOf: '{what} on', offOf: '{what} off', stop: 'Stop',
    wipeOnce: 'Once', wipeStart: 'Start', wipeInterval: 'Interval', everySeconds: 'every {s} s',
    outputs: 'Alarm outputs', output: 'Output {n}', pulse: '1 s pulse',
  },
  tile: {
    empty: 'Empty window',
    connecting: 'Connecting…',
    waitingForKey: 'Waiting for a key frame…',
    live: 'live',
    age: '{age} old',
    stale: 'Picture is {age} old',
    backoff: 'Reconnecting in {seconds} s',
    reconnecting: 'Reconnecting…',
    paused: 'Paused',
    hd: 'HD',
    sd: 'SD',
    failed: '{name}: {what}',
    emptyLabel: 'Window {n}, empty',
  },
  messages: {
    title: 'Messages',
    emptyTitle: 'No alarm messages',
    emptyText: 'Bartizan does not receive events from your devices yet. When it does, motion, doors and alarms will be listed here.',
  },
  cure: {
    retry: 'Try again', editPassword: 'Edit password', editAddress: 'Edit address', useTcp: 'Use TCP', useUdp: 'Use UDP',
    softDecoding: 'Decode in software', subStream: 'Sub stream', oneWindow: 'One window', deviceClock: 'Look at its clock', network: 'Find out why', live: 'Back to live',
  },
  trouble: '{what}. {cure}',
  cureAndWait: '{cure} {wait}',
  lockedFor: 'It asks to wait {minutes}.',
  minutes: '1 minute | {n} minutes',
  seconds: '1 second | {n} seconds',
  code: codes,
  ...adding,
  ...devices,
  ...help,
  ...favourites,
  ...me,
  ...files,
  player,
  ...wall,
  ...picture,
  ...protection,
  ...sound,
  ...quality,
  ...budget,
  ...stream,
  ...replay,
  ...talk,
  ...access,
}

/** The same places, in other words. */
export type Strings<T> = { [K in keyof T]: T[K] extends string ? string : Strings<T[K]> }
/** What every language must have. */
export type Messages = Strings<typeof en>

type Leaves<T> = { [K in keyof T & string]: T[K] extends string ? K : `${K}.${Leaves<T[K]>}` }[keyof T & string]
/** The path of a string; a typing mistake in a view is a type error. */
export type TextKey = Leaves<typeof en>
