import { access } from './access.zh'
import { adding } from './adding.zh'
import { budget } from './budget.zh'
import { codes } from './codes.zh'
import { devices } from './devices.zh'
import { favourites } from './favourites.zh'
import { files } from './files.zh'
import { player } from './player.zh'
import { help } from './help.zh'
import { me } from './me.zh'
import { wall } from './wall.zh'
import { picture } from './picture.zh'
import { protection } from './protection.zh'
import { sound } from './sound.zh'
import { quality } from './quality.zh'
import { stream } from './stream.zh'
import { replay } from './replay.zh'
import { talk } from './talk.zh'
import type { Messages } from './en'

export const zh: Messages = {
  app: { name: 'Bartizan' },
  tabs: { home: '首页', messages: '消息', devices: '设备', me: '我的', label: '主导航' },
  common: {
    cancel: '取消', retry: '重试', save: '保存', details: '技术详情', undo: '撤销', back: '返回',
    channels: '没有通道 | 1 个通道 | {n} 个通道', more: '{name}：更多操作',
  },
  home: {
    title: '实时预览',
    emptyTitle: '还没有画面',
    emptyText: '添加摄像机或录像机后，画面就会显示在这里。视频直接来自设备，无需账号，不经过云端。',
    loading: '正在打开设备…',
    addDevice: '添加设备',
    layout: '窗口布局',
    layoutOption: '1 个窗口 | {n} 个窗口',
    previousPage: '上一页',
    nextPage: '下一页',
    page: '第 {page} 页，共 {pages} 页',
    enlarge: '放大',
    restore: '显示全部窗口',
    fullScreen: '全屏',
    leaveFullScreen: '退出全屏',
    hint: '轻点选中画面，双击放大。',
    wall: '视频墙',
    tools: '预览工具',
  },
  control: {
    title: '摄像机控制',
    panel: { move: '云台', view: '视图', picture: '图像', switches: '开关' },
    moving: '正在控制 {name}',
    gestureHelp: '拖动转动，双指缩放',
    gestureHelpCenter: '拖动转动，双指缩放，轻点居中',
    pad: '转动摄像机',
    up: '上', down: '下', left: '左', right: '右',
    upLeft: '左上', upRight: '右上', downLeft: '左下', downRight: '右下',
    home: '原位',
    zoom: '变倍', zoomIn: '放大', zoomOut: '缩小',
    focus: '聚焦', focusNear: '近焦', focusFar: '远焦', autoFocus: '自动聚焦',
    iris: '光圈', irisOpen: '光圈开大（变亮）', irisClose: '光圈关小（变暗）',
    step: '速度', stepOf: '第 {n} 档，共 8 档',
    presets: '预置点', presetName: '预置点 {n}', presetNameLabel: '预置点名称', savePreset: '保存当前位置',
    editPreset: '重命名或删除“{name}”', removePreset: '删除预置点', noPresets: '此摄像机没有预置点。',
    where: '修改位置', inCamera: '摄像机', onScreen: '仅本机显示',
    inCameraHelp: '会改变所有人看到的画面和录像。',
    onScreenHelp: '只影响本机显示并会记住，摄像机和录像不变。',
    brightness: '亮度', contrast: '对比度', saturation: '饱和度', hue: '色调',
    flipX: '左右翻转', flipY: '上下翻转', turnLeft: '左转 90°', turnRight: '右转 90°', turnOver: '180°', reset: '恢复默认',
    asking: '正在询问设备…',
    light: '补光灯', siren: '警笛', wiper: '雨刷', tracking: '智能跟踪',
    on: '开', off: '关', onOf: '打开{what}', offOf: '关闭{what}', stop: '停止',
    wipeOnce: '一次', wipeStart: '开始', wipeInterval: '间隔', everySeconds: '每 {s} 秒',
    outputs: '报警输出', output: '输出 {n}', pulse: '脉冲 1 秒',
  },
  tile: {
    empty: '空窗口',
    connecting: '正在连接…',
    waitingForKey: '正在等待关键帧…',
    live: '实时',
    age: '延迟 {age}',
    stale: '画面已停留 {age}',
    backoff: '{seconds} 秒后重新连接',
    reconnecting: '正在重新连接…',
    paused: '已暂停',
    hd: '高清',
    sd: '标清',
    failed: '{name}：{what}',
    emptyLabel: '窗口 {n}，空',
  },
  messages: {
    title: '消息',
    emptyTitle: '暂无报警消息',
    emptyText: 'Bartizan 目前还不能接收设备事件。支持之后，移动侦测、门禁和报警都会显示在这里。',
  },
  cure: {
    retry: '重试', editPassword: '修改密码', editAddress: '修改地址', useTcp: '改用 TCP', useUdp: '改用 UDP',
    softDecoding: '改用软解码', subStream: '辅码流', oneWindow: '单窗口', deviceClock: '查看设备时钟', network: '查找原因', live: '返回实时',
  },
  trouble: '{what}。{cure}',
  cureAndWait: '{cure}{wait}',
  lockedFor: '设备要求等待{minutes}。',
  minutes: ' 1 分钟 | {n} 分钟',
  seconds: ' 1 秒 | {n} 秒',
  code: codes,
  ...adding,
  ...devices,
  ...help,
  ...favourites,
  ...me,
  ...files,
  player,
  ...wall,
  ...access,
  ...picture,
  ...protection,
  ...sound,
  ...quality,
  ...budget,
  ...stream,
  ...replay,
  ...talk,
}
