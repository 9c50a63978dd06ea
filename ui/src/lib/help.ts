import type { TextKey } from '@/i18n'

/** Pages of help, each reachable from the failure or the field that raises the question. */
export const TOPICS = [
  'ways', 'reach', 'password', 'limits', 'activate', 'connect', 'ports', 'multi', 'lag', 'control', 'talk', 'record', 'files', 'favourites', 'playback',
  'messages', 'settings', 'privacy',
] as const
export type Topic = (typeof TOPICS)[number]

interface Section {
  title: TextKey
  text: TextKey
}

export interface HelpPage {
  title: TextKey
  lead: TextKey
  sections: Section[]
}

type HelpKey = { [K in TextKey]: K extends `help.${infer Rest}` ? Rest : never }[TextKey]
type SectionName = HelpKey extends infer K ? (K extends `${string}.${infer Name}Title` ? Name : never) : never

const page = (topic: Topic, sections: SectionName[]): HelpPage => ({
  title: `help.${topic}.title` as TextKey,
  lead: `help.${topic}.lead` as TextKey,
  sections: sections.map((name) => ({ title: `help.${topic}.${name}Title` as TextKey, text: `help.${topic}.${name}Text` as TextKey })),
})

/** A test follows every one of these keys into both languages. */
export const HELP: Record<Topic, HelpPage> = {
  ways: page('ways', ['lan', 'domain', 'mapping', 'vpn', 'p2p']),
  reach: page('reach', ['vpn', 'ddns', 'mapping', 'upnp', 'isp']),
  password: page('password', ['wrong', 'forgotten', 'locked', 'clock', 'owner']),
  limits: page('limits', ['sessions', 'busy']),
  activate: page('activate', ['what', 'choose', 'reset', 'fails', 'setup']),
  connect: page('connect', ['camera', 'recorder', 'door', 'alarm', 'wifi']),
  ports: page('ports', ['few', 'common', 'upnp', 'better']),
  multi: page('multi', ['choose', 'layout', 'large', 'stream', 'sound', 'limit']),
  lag: page('lag', ['sub', 'one', 'auto', 'network', 'decode']),
  control: page('control', ['gestures', 'pad', 'presets', 'outputs']),
  talk: page('talk', ['tap', 'hold', 'camera', 'busy', 'mic', 'noise']),
  record: page('record', ['record', 'picture', 'safe']),
  files: page('files', ['play', 'share', 'export', 'delete']),
  favourites: page('favourites', ['make', 'open', 'change']),
  playback: page('playback', ['hour', 'nothing', 'fast']),
  messages: page('messages', ['storage', 'web']),
  settings: page('settings', ['decoding', 'network', 'protect', 'device']),
  privacy: page('privacy', ['account', 'telemetry', 'passwords', 'export']),
}

/** The modules as the first page of help lists them. */
export const GROUPS: readonly { title: TextKey; topics: readonly Topic[] }[] = [
  { title: 'help.group.begin', topics: ['connect', 'ways', 'activate'] },
  { title: 'help.group.trouble', topics: ['reach', 'password', 'limits', 'lag', 'ports'] },
  { title: 'help.group.watch', topics: ['multi', 'control', 'talk', 'favourites', 'record', 'files'] },
  { title: 'help.group.later', topics: ['playback', 'messages'] },
  { title: 'help.group.app', topics: ['settings', 'privacy'] },
]

export const isTopic = (word: string): word is Topic => (TOPICS as readonly string[]).includes(word)
