import type { UiCode } from '@/api/client'
import type { TextKey } from '@/i18n'
import { en } from '@/i18n/en'
import type { Topic } from './help'

export type FaqId = keyof typeof en.faq

interface Question {
  /** The page of help that it stands on. */
  topic: Topic
  /** Failures that raise it. */
  codes?: readonly UiCode[]
  /** Numbers in the FAQ that users of other apps know, for completeness. */
  seed?: readonly number[]
}

/** In the order of the pages; within a page, in the order people ask. */
export const FAQ: Record<FaqId, Question> = {
  install: { topic: 'connect', seed: [25] },
  p2pDdnsIp: { topic: 'ways', seed: [20] },
  initFails: { topic: 'activate', codes: ['notActivated', 'weakPassword'], seed: [12] },
  wifiSetup: { topic: 'connect', seed: [11] },
  wrongPassword: { topic: 'password', codes: ['wrongPassword', 'passwordNeeded', 'lastTry', 'forbidden', 'keyLost'], seed: [1] },
  locked: { topic: 'password', codes: ['locked'], seed: [2] },
  clock: { topic: 'password', codes: ['clockSkew'] },
  connectFailed: { topic: 'reach', codes: ['unreachable', 'hostUnknown', 'disconnected', 'notADevice', 'notRtsp', 'noSuchStream'], seed: [3] },
  loginTimeout: { topic: 'reach', codes: ['timeout'], seed: [18] },
  wifiOnly: { topic: 'reach', codes: ['unreachable', 'timeout'], seed: [8] },
  maxUsers: { topic: 'limits', codes: ['tooManySessions'], seed: [4] },
  outOfResource: { topic: 'limits', codes: ['deviceBusy'], seed: [5] },
  several: { topic: 'multi', seed: [13] },
  closeOne: { topic: 'multi', seed: [16] },
  lag: { topic: 'lag', codes: ['stalled'], seed: [10] },
  customStream: { topic: 'lag', seed: [15] },
  h265: { topic: 'lag', codes: ['unsupportedCodec', 'interlaced', 'decoderFailed'] },
  ptzGestures: { topic: 'control', seed: [14] },
  talkFails: { topic: 'talk' },
  whereSettings: { topic: 'settings', seed: [19] },
  share: { topic: 'files', seed: [22] },
  export: { topic: 'files', seed: [23] },
  noRecordings: { topic: 'playback', codes: ['nothingRecorded'], seed: [9] },
  closePlayback: { topic: 'playback', seed: [17] },
  fastPlay: { topic: 'playback', seed: [21] },
  noPush: { topic: 'messages', seed: [6] },
  subscribe: { topic: 'messages', seed: [7] },
  alarmVideo: { topic: 'messages', seed: [24] },
  telemetry: { topic: 'privacy' },
  forgotPin: { topic: 'settings' },
}

export const FAQ_IDS = Object.keys(FAQ) as FaqId[]

export const question = (id: FaqId): TextKey => `faq.${id}.q`
export const answer = (id: FaqId): TextKey => `faq.${id}.a`

export const faqOfTopic = (topic: Topic): FaqId[] => FAQ_IDS.filter((id) => FAQ[id].topic === topic)
export const faqOfCode = (code: UiCode): FaqId[] => FAQ_IDS.filter((id) => FAQ[id].codes?.includes(code) ?? false)
