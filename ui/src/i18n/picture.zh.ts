import type { Strings } from './en'
import type { picture as english } from './picture.en'

export const picture: Strings<typeof english> = {
  picture: {
    zoom: '电子放大',
    zoomHelp: '双指缩放、滚动滚轮，或按 + 和 − 键。拖动或用方向键查看各处；双击恢复整幅画面。',
    closer: '放大', farther: '缩小', whole: '整幅画面',
    times: '{zoom} 倍',
    zoomedLabel: '已放大 {zoom} 倍',
    zoomed: '{name}：已放大 {zoom} 倍',
    unzoomed: '{name}：整幅画面',
    showWhole: '{zoom} 倍：显示“{name}”的整幅画面',
    look: '查看各处',
    left: '向左看', right: '向右看', up: '向上看', down: '向下看',
    fisheye: '鱼眼镜头',
    mount: { off: '关闭', ceiling: '吸顶', wall: '壁装', desk: '桌面' },
    view: '视图',
    views: { panorama: '全景', double: '2 × 180°', eptz: '电子云台' },
    fisheyeHelp: '在本机上展开圆形画面。滑动可转动视图；电子云台下可双指缩放。',
    noDewarp: '本设备无法使用 WebGL 绘图，因此不能展开鱼眼画面，其他功能不受影响。',
    circle: '镜头圆',
    circleHelp: '通常是画面中能容纳的最大圆。如果画面弯曲或被截断，请手动设置。',
    circleX: '水平位置', circleY: '垂直位置', circleRadius: '半径', circleAuto: '使用最大圆',
  },
}
