/**
 * Calm inside of components too. The page's own rule for reduced motion does not reach into shadow trees, and Ionic's
 * `animated` says nothing to the switches and wheels in there.
 */
const RULE = '@media (prefers-reduced-motion: reduce) { *, ::before, ::after { animation-duration: 0.01ms !important; transition-duration: 0.01ms !important; } }'

/** Call before the first component is made. */
export function calmShadows(): void {
  if (typeof CSSStyleSheet.prototype.replaceSync !== 'function') return
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(RULE)
  const { attachShadow } = Element.prototype
  Element.prototype.attachShadow = function attachCalmly(this: Element, init: ShadowRootInit): ShadowRoot {
    const root = attachShadow.call(this, init)
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
    return root
  }
}
