/** Digital zoom and straightening of fisheye pictures. */
export const picture = {
  picture: {
    zoom: 'Digital zoom',
    zoomHelp: 'Pinch, turn the wheel, or press + and −. Drag or use the arrow keys to look around; a double tap shows everything.',
    closer: 'Closer', farther: 'Farther', whole: 'All of the picture',
    times: '{zoom}×',
    zoomedLabel: 'zoomed {zoom} times',
    zoomed: '{name}: zoomed {zoom} times',
    unzoomed: '{name}: all of the picture',
    showWhole: '{zoom}×: show all of the picture of {name}',
    look: 'Look around',
    left: 'Look left', right: 'Look right', up: 'Look up', down: 'Look down',
    fisheye: 'Fisheye lens',
    mount: { off: 'Off', ceiling: 'Ceiling', wall: 'Wall', desk: 'Desk' },
    view: 'View',
    views: { panorama: 'Panorama', double: '2 × 180°', eptz: 'ePTZ' },
    fisheyeHelp: 'Straightens the round picture on this device. Swipe to turn the view; in ePTZ pinch to zoom.',
    noDewarp: 'This device draws without WebGL, so fisheye pictures cannot be straightened here. Everything else works.',
    circle: 'Circle of the lens',
    circleHelp: 'Usually the largest circle that fits into the picture. If the view is bent or cut off, set it by hand.',
    circleX: 'Across', circleY: 'Down', circleRadius: 'Radius', circleAuto: 'Use the largest circle',
  },
}
