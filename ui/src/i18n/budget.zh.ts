import type { budget as english } from './budget.en'
import type { Strings } from './en'

export const budget: Strings<typeof english> = {
  budget: {
    sub: '暂为标清',
    keys: '降低帧率',
    stills: '静态画面，{age}',
    subShort: '标清',
    keysShort: '降帧',
    stillsShort: '{age}',
    subWhy: '暂以标清代替高清：本机负载过高。',
    keysWhy: '仅显示关键帧：本机负载过高。',
    stillsWhy: '每十秒一张静态画面：本机负载过高。',
    keptWhy: '您要求此窗口保持完整，但本机目前无法做到。',
    explainTitle: '本机负载过高',
    explain: '本机无法同时解码所有窗口，因此边缘的窗口画面减少。您正在看的窗口不受影响，负载下降后其他窗口会自动恢复。录像始终完整。',
    explainLoad: '实测：每秒 {sent} 帧中显示 {shown} 帧。',
    badge: '{what}原因及处理方法',
    keep: '保持完整',
    keepLong: '此窗口保持完整',
    unkeep: '允许减少画面',
    kept: '{name} 将尽可能保持完整画面。',
    unkept: '本机负载过高时，{name} 可能减少画面。',
    close: '关闭',
    fewer: '本机负载过高：1 个窗口画面减少。 | 本机负载过高：{n} 个窗口画面减少。',
    again: '所有窗口已恢复完整画面。',
    fps: '{n} 帧/秒',
    fpsOf: '{n}/{of} 帧/秒',
    wait: '滞后 {ms} 毫秒',
    software: '软解码',
  },
}
