import type { Strings } from './en'
import type { replay as english } from './replay.en'

export const replay: Strings<typeof english> = {
  replay: {
    tool: '一小时前',
    toolOn: '实时',
    start: '一小时前：播放 {name} 的录像',
    stop: '实时：结束播放 {name} 的录像',
    menuOn: '播放一小时前的录像',
    live: '实时',
    back: '返回实时画面：{name}',
    bar: '{name} 的录像',
    looking: '正在查找录像…',
    started: '正在播放 {name} 一小时前的录像',
    stopped: '{name} 已返回实时画面',
    skipped: '{name}，从 {time} 开始',
    label: '录像',
    later: '{asked} 没有录像，从 {time} 开始播放。',
    back5m: '后退 5 分钟',
    back30s: '后退 30 秒',
    on30s: '前进 30 秒',
    on5m: '前进 5 分钟',
    short: { back5m: '−5分', back30s: '−30秒', on30s: '+30秒', on5m: '+5分' },
  },
}
