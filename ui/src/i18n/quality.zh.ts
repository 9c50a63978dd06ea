import type { Messages } from './en'

export const quality: Pick<Messages, 'quality'> = {
  quality: {
    title: '画质模式',
    text: '实时画面以什么为先。适用于没有单独设置模式的所有窗口。',
    auto: '自动',
    autoHelp: '在网络允许流畅的前提下延迟最低：网络稳定时无延迟，网络差时最多 1 秒。',
    realTime: '实时',
    realTimeHelp: '延迟最低，收到即显示。网络抖动时画面会卡顿。',
    fluent: '流畅',
    fluentHelp: '画面平稳，延迟 {ms} 毫秒。',
    delay: '流畅模式的延迟',
    delayHelp: '短于此时长的网络抖动不会被看到，但每幅画面都会晚这么久。',
    ms: '{ms} 毫秒',
    tool: '模式',
    toolOf: '{name}的画质模式',
    asSettings: '按“我的”中的设置（{mode}）',
    chosen: '{name}：{mode}',
    age: '延迟 {ms} 毫秒',
    fluentOf: '流畅 {ms} 毫秒',
    autoOf: '自动 {ms} 毫秒',
  },
}
