import type { TextKey } from '@/i18n'

/** Pages of help, each reachable from the failure or the field that raises the question. */
export const TOPICS = ['ways', 'reach', 'password', 'limits', 'activate', 'connect', 'ports'] as const
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
}

export const isTopic = (word: string): word is Topic => (TOPICS as readonly string[]).includes(word)
