import type { Strings } from './en'
import type { sound as english } from './sound.en'

export const sound: Strings<typeof english> = {
  sound: {
    tool: '声音',
    listen: '声音：收听 {name}',
    mute: '声音：将 {name} 静音',
    menuOn: '收听',
    menuOff: '静音',
    turnedOn: '已打开 {name} 的声音，其他窗口均已静音。',
    turnedOff: '{name} 已静音。',
    on: '声音已开',
    connecting: '正在接收声音',
    silent: '没有声音',
    none: '{name} 没有发送声音。如果摄像机带有麦克风，请在摄像机设置中打开音频。',
    unsupported: '{name} 的声音编码为 {coding}，无法在此播放。请在摄像机设置中选择 G.711 或 AAC。',
    failed: '没有收到 {name} 的声音：{why}。画面不受影响。',
    blocked: '系统阻止了 {name} 的声音。请点按“声音”两次重试，并检查是否有扬声器。',
  },
}
