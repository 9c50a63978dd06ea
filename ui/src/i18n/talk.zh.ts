import type { Strings } from './en'
import type { talk as english } from './talk.en'

export const talk: Strings<typeof english> = {
  talk: {
    tool: '对讲',
    toolOn: '对讲',
    start: '与 {name} 对讲',
    stop: '停止与 {name} 对讲',
    holdHint: '长按则仅在按住时对讲',
    menuOn: '对讲',
    menuOff: '停止对讲',
    asking: '麦克风…',
    connecting: '正在连接…',
    talking: '对讲中',
    calling: '正在呼叫 {name}',
    started: '正在与 {name} 对讲',
    ended: '对讲已结束',
    on: '对讲中',
    micGone: '麦克风已停止，对讲随之结束。可能是麦克风被拔出，或被其他应用或来电占用。',
    failed: '无法与 {name} 对讲：{why}',
    mic: {
      micDenied: { title: 'Bartizan 没有麦克风权限', cure: '请在系统或浏览器设置中允许 Bartizan 使用麦克风，然后重试。' },
      micMissing: { title: '没有找到麦克风', cure: '请接入麦克风或耳机，然后重试。' },
      micBusy: { title: '麦克风不可用', cure: '可能被其他应用或来电占用。请结束占用后重试。' },
      micUnsupported: { title: '此处无法使用麦克风', cure: '请使用应用，或用较新的浏览器通过 HTTPS 打开，或在本机上打开 Bartizan。' },
    },
    why: {
      notOffered: { title: '{name} 不支持对讲', cure: '设备可能没有扬声器。如果有，请在摄像机设置中打开音频输出。' },
      deviceBusy: { title: '其他人正在与 {name} 对讲', cure: '一台摄像机同一时间只接受一路对讲。请等对方结束后重试。' },
      tooManySessions: { title: '{name} 的连接数已满', cure: '请关闭其他正在观看的应用，或减少该设备的窗口，然后重试。' },
      forbidden: { title: '该用户无权与 {name} 对讲', cure: '请在设备上为该用户授予对讲权限，或换用其他用户。' },
      unsupportedCodec: { title: '{name} 不接受 Bartizan 支持的音频编码', cure: '请在摄像机设置中将音频编码改为 G.711。' },
      notFound: { title: '与 {name} 的对讲已结束', cure: '摄像机或应用结束了对讲，请重试。' },
      disconnected: { title: '{name} 结束了对讲', cure: '有些摄像机会在一段时间后自动结束对讲，请重试。' },
      timeout: { title: '{name} 未及时响应', cure: '网络可能较慢，或摄像机繁忙。请重试。' },
    },
  },
}
