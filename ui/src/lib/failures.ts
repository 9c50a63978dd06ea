import type { UiCode } from '@/api/client'
import type { TextKey } from '@/i18n'
import type { Topic } from './help'

/** What one tap can do about a device that could not be added or changed. */
export type Remedy = 'retry' | 'login' | 'address' | 'spendLastTry' | 'trust' | 'activate' | 'wait' | 'none'

export interface Failure {
  remedy: Remedy
  /** Things to look at, the likeliest first. */
  checks: TextKey[]
  /** Where there is more to read or to find out. */
  topic: Topic | null
}

/**
 * Every way in which adding can fail, with its cure. A refused login is never offered again as it is: its remedy is
 * another login. That different causes have different cures is the point: a full device is not a busy one, and a
 * wrong password is not a locked account.
 */
export const FAILURES: Record<UiCode, Failure> = {
  hostUnknown: { remedy: 'address', checks: ['check.spelling', 'check.ddnsName', 'check.internet'], topic: 'reach' },
  unreachable: { remedy: 'retry', checks: ['check.power', 'check.sameNetwork', 'check.port', 'check.ispPort'], topic: 'reach' },
  timeout: { remedy: 'retry', checks: ['check.power', 'check.firewall', 'check.ispPort', 'check.cellular'], topic: 'reach' },
  disconnected: { remedy: 'retry', checks: ['check.restarting', 'check.port'], topic: 'reach' },
  notADevice: { remedy: 'address', checks: ['check.router', 'check.serverPort', 'check.turnedOff'], topic: 'reach' },
  notRtsp: { remedy: 'address', checks: ['check.rtspPort', 'check.serverPort'], topic: 'reach' },
  protocol: { remedy: 'retry', checks: ['check.firmware', 'check.family'], topic: 'reach' },
  passwordNeeded: { remedy: 'login', checks: ['check.deviceLogin'], topic: 'password' },
  wrongPassword: { remedy: 'login', checks: ['check.caps', 'check.deviceLogin', 'check.onvifUser', 'check.forgotten'], topic: 'password' },
  lastTry: { remedy: 'spendLastTry', checks: ['check.forgotten', 'check.waitInstead'], topic: 'password' },
  locked: { remedy: 'wait', checks: ['check.waitLock', 'check.reboot', 'check.otherApps'], topic: 'password' },
  notActivated: { remedy: 'activate', checks: ['check.fresh'], topic: 'activate' },
  certificateChanged: { remedy: 'trust', checks: ['check.certificateHarmless', 'check.certificateHarm'], topic: null },
  clockSkew: { remedy: 'retry', checks: ['check.clock'], topic: 'password' },
  tooManySessions: { remedy: 'retry', checks: ['check.otherViewers', 'check.connectionLimit'], topic: 'limits' },
  deviceBusy: { remedy: 'retry', checks: ['check.load', 'check.rebootBusy'], topic: 'limits' },
  forbidden: { remedy: 'login', checks: ['check.rights', 'check.addressFilter'], topic: 'password' },
  channelOffline: { remedy: 'retry', checks: ['check.cameraPower', 'check.cameraPassword'], topic: 'connect' },
  noVideo: { remedy: 'retry', checks: ['check.videoOff', 'check.cameraPower'], topic: 'connect' },
  noSuchStream: { remedy: 'address', checks: ['check.path', 'check.onlyHost'], topic: 'reach' },
  weakPassword: { remedy: 'login', checks: ['check.strong', 'check.strongSigns'], topic: 'activate' },
  cardPassword: { remedy: 'login', checks: ['check.cardMaker'], topic: null },
  cardUnreadable: { remedy: 'retry', checks: ['check.cardParts', 'check.cardNewer'], topic: null },
  notOffered: { remedy: 'none', checks: ['check.webPage', 'check.firmware'], topic: 'activate' },
  settingRefused: { remedy: 'none', checks: ['check.webPage', 'check.firmware'], topic: null },
  invalidInput: { remedy: 'address', checks: [], topic: null },
  invalidAddress: { remedy: 'address', checks: [], topic: null },
  invalidPort: { remedy: 'address', checks: [], topic: null },
  nothingRecorded: { remedy: 'none', checks: ['check.schedule', 'check.disk'], topic: 'playback' },
  notFound: { remedy: 'none', checks: [], topic: null },
  stalled: { remedy: 'retry', checks: ['check.cellular'], topic: 'reach' },
  unsupportedCodec: { remedy: 'none', checks: [], topic: null },
  interlaced: { remedy: 'none', checks: [], topic: null },
  decoderFailed: { remedy: 'none', checks: [], topic: null },
  unsupportedCommand: { remedy: 'none', checks: [], topic: null },
  storage: { remedy: 'retry', checks: [], topic: null },
  diskFull: { remedy: 'retry', checks: [], topic: null },
  keyLost: { remedy: 'login', checks: [], topic: null },
  // The lock screen speaks for these.
  appLocked: { remedy: 'none', checks: [], topic: null },
  appPassword: { remedy: 'none', checks: [], topic: null },
  appPasswordWait: { remedy: 'none', checks: [], topic: null },
  biometricsFailed: { remedy: 'none', checks: [], topic: null },
  cancelled: { remedy: 'retry', checks: [], topic: null },
  internal: { remedy: 'retry', checks: [], topic: null },
  shellGone: { remedy: 'none', checks: [], topic: null },
}
