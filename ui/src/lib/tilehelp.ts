import type { UiCode } from '@/api/client'
import type { TextKey } from '@/i18n'
import type { Topic } from './help'

/** What one tap can do about a window without a picture. */
export type Cure =
  | 'retry' | 'editPassword' | 'editAddress' | 'useTcp' | 'useUdp' | 'softDecoding' | 'subStream' | 'oneWindow' | 'deviceClock' | 'network' | 'live'

export interface TileHelp {
  /** What may help, the best first; those that cannot help in a situation are passed over. */
  cures: readonly Cure[]
  /** Things to look at, the likeliest first. */
  checks: readonly TextKey[]
  /** Where there is more to read. */
  topic: Topic
}

/**
 * Every failure of a window. The cause and the first advice are the `code.*` strings; a refused login is never cured by
 * trying it again.
 */
export const TILE_HELP: Record<UiCode, TileHelp> = {
  hostUnknown: { cures: ['editAddress', 'network', 'retry'], checks: ['check.spelling', 'check.ddnsName', 'check.internet'], topic: 'reach' },
  unreachable: { cures: ['retry', 'network'], checks: ['check.power', 'check.sameNetwork', 'check.port', 'check.cellular'], topic: 'reach' },
  disconnected: { cures: ['retry', 'network'], checks: ['check.restarting', 'check.power'], topic: 'reach' },
  timeout: { cures: ['useTcp', 'useUdp', 'retry', 'network'], checks: ['check.power', 'check.firewall', 'check.cellular', 'check.ispPort'], topic: 'reach' },
  stalled: { cures: ['useTcp', 'subStream', 'retry', 'network'], checks: ['help.tile.weakNetwork', 'check.load', 'check.cellular'], topic: 'lag' },
  notRtsp: { cures: ['editAddress'], checks: ['check.rtspPort', 'check.serverPort'], topic: 'reach' },
  notADevice: { cures: ['editAddress', 'network'], checks: ['check.router', 'check.serverPort', 'check.turnedOff'], topic: 'reach' },
  protocol: { cures: ['retry'], checks: ['check.firmware', 'check.family', 'help.tile.otherStream'], topic: 'reach' },
  noSuchStream: { cures: ['editAddress', 'subStream'], checks: ['check.path', 'check.onlyHost', 'check.videoOff'], topic: 'reach' },
  noVideo: { cures: ['subStream', 'retry'], checks: ['check.videoOff', 'check.cameraPower'], topic: 'connect' },
  channelOffline: { cures: ['retry'], checks: ['check.cameraPower', 'check.cameraPassword'], topic: 'connect' },
  passwordNeeded: { cures: ['editPassword'], checks: ['check.deviceLogin'], topic: 'password' },
  wrongPassword: { cures: ['editPassword'], checks: ['check.caps', 'check.deviceLogin', 'check.onvifUser', 'check.forgotten'], topic: 'password' },
  lastTry: { cures: ['editPassword'], checks: ['check.forgotten', 'check.waitInstead'], topic: 'password' },
  // Trying again is right here only once a person has waited: the login itself was not refused.
  locked: { cures: ['retry', 'editPassword'], checks: ['check.waitLock', 'check.reboot', 'check.otherApps'], topic: 'password' },
  forbidden: { cures: ['editPassword'], checks: ['check.rights', 'check.addressFilter'], topic: 'password' },
  // The lock screen speaks for these.
  appLocked: { cures: [], checks: [], topic: 'settings' },
  appPassword: { cures: [], checks: [], topic: 'settings' },
  appPasswordWait: { cures: [], checks: [], topic: 'settings' },
  biometricsFailed: { cures: [], checks: [], topic: 'settings' },
  keyLost: { cures: ['editPassword'], checks: ['help.tile.keyGone'], topic: 'settings' },
  clockSkew: { cures: ['deviceClock', 'retry'], checks: ['check.clock'], topic: 'password' },
  certificateChanged: { cures: ['editPassword'], checks: ['check.certificateHarmless', 'check.certificateHarm'], topic: 'password' },
  notActivated: { cures: ['editPassword'], checks: ['check.fresh'], topic: 'activate' },
  weakPassword: { cures: ['editPassword'], checks: ['check.strong', 'check.strongSigns'], topic: 'activate' },
  tooManySessions: { cures: ['subStream', 'oneWindow', 'retry'], checks: ['check.otherViewers', 'check.connectionLimit'], topic: 'limits' },
  deviceBusy: { cures: ['subStream', 'oneWindow', 'retry'], checks: ['check.load', 'check.rebootBusy'], topic: 'limits' },
  unsupportedCodec: { cures: ['subStream', 'softDecoding', 'retry'], checks: ['help.tile.codecH264', 'help.tile.codecSub', 'help.tile.codecSystem'], topic: 'lag' },
  interlaced: { cures: ['subStream', 'retry'], checks: ['help.tile.progressive', 'help.tile.codecSub'], topic: 'lag' },
  decoderFailed: { cures: ['softDecoding', 'subStream', 'oneWindow', 'retry'], checks: ['help.tile.decoders', 'help.tile.codecH264'], topic: 'lag' },
  notOffered: { cures: ['retry'], checks: ['check.webPage', 'check.firmware'], topic: 'settings' },
  settingRefused: { cures: ['retry'], checks: ['check.webPage', 'check.firmware'], topic: 'settings' },
  nothingRecorded: { cures: ['live', 'retry'], checks: ['check.schedule', 'check.disk', 'check.clock'], topic: 'playback' },
  notFound: { cures: ['editAddress'], checks: ['help.tile.channelGone'], topic: 'connect' },
  invalidInput: { cures: ['editAddress'], checks: ['check.onlyHost'], topic: 'ways' },
  invalidAddress: { cures: ['editAddress'], checks: ['check.spelling', 'check.onlyHost'], topic: 'ways' },
  invalidPort: { cures: ['editAddress'], checks: ['check.port', 'check.rtspPort'], topic: 'ways' },
  cardPassword: { cures: ['retry'], checks: ['check.cardMaker'], topic: 'connect' },
  cardUnreadable: { cures: ['retry'], checks: ['check.cardParts', 'check.cardNewer'], topic: 'connect' },
  unsupportedCommand: { cures: [], checks: ['help.tile.appVersion'], topic: 'settings' },
  storage: { cures: ['retry'], checks: ['help.tile.diskRights'], topic: 'files' },
  diskFull: { cures: ['retry'], checks: ['help.tile.diskRoom'], topic: 'files' },
  cancelled: { cures: ['retry'], checks: ['help.tile.nothingHappened'], topic: 'settings' },
  internal: { cures: ['retry'], checks: ['help.tile.report'], topic: 'privacy' },
  shellGone: { cures: [], checks: ['help.tile.programEnded'], topic: 'settings' },
}
