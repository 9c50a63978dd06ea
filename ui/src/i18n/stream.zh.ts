import type { Strings } from './en'
import type { stream as english } from './stream.en'

export const stream: Strings<typeof english> = {
  stream: {
    tool: '码流',
    title: '窗口码流',
    titleOf: '码流：{name}',
    auto: '自动', fluent: '流畅', hd: '高清', custom: '自定义',
    autoHelp: '小窗口使用辅码流；窗口足够大时使用主码流。',
    fluentHelp: '始终使用辅码流：流量少、打开快，放大时也一样。',
    hdHelp: '始终使用主码流，小窗口也一样。仅允许辅码流的移动数据网络除外。',
    customHelp: '在设备中设置分辨率、帧率和码率。',
    customVideoOnly: '仅知道该设备的视频地址，无法更改设置。请用设备自身的协议按地址添加，或使用其网页。',
    customNotOffered: '该设备不支持在此设置编码，可尝试其网页。',
    oneStream: '该摄像机只有一路码流。',
    chosen: '{name}：{what}',
    everybody: '此更改对所有观看该设备的人生效；录像机从该码流保存的录像也会随之改变。',
    asking: '正在询问设备…',
    which: '要设置的码流', main: '主码流（高清）', sub: '辅码流（流畅）',
    now: '当前：{what}',
    field: { codec: '编码', size: '分辨率', frameRate: '帧率', bitRate: '码率（kbit/s）', rateMode: '码率类型', keyInterval: '关键帧间隔（帧）' },
    mode: { constant: '定码率 (CBR)', variable: '变码率 (VBR)' },
    fps: '{n} 帧/秒', kbps: '{n} kbit/s', pictures: '每 {n} 帧', unknown: '未知', fullRate: '摄像机的最高帧率',
    bitRateHelp: '{min} 至 {max}。变码率时为上限。',
    keyIntervalHelp: '{min} 至 {max}。间隔短则画面打开更快，但流量更大。',
    seconds: '当前为 {s} 秒。',
    h265: '数据量约为一半，但部分手机和浏览器无法显示；此时窗口会改用另一路码流。',
    chooseAgain: '使用此编码时，设备提供的分辨率或帧率不同，请重新选择。',
    apply: '应用到设备', writing: '正在写入…',
    taken: '设备已全部接受。',
    partly: '设备采用了不同的值。',
    differs: '{what}：请求 {asked}，设备采用 {taken}。',
    cure: {
      forbidden: '该用户可以预览，但不能更改设置。请使用设备的管理员账号。',
      notOffered: '该设备不支持在此设置编码，可尝试其网页。',
    },
  },
}
