/** What the page says and offers about windows that get fewer pictures. */
import { alertController } from '@ionic/vue'
import { onUnmounted, type Ref, watch } from 'vue'
import { t, tn } from '@/i18n'
import { budgetWhy, reducedTo } from '@/lib/tilebudget'
import { hideToast } from '@/lib/toast'
import type { TileView, Wall } from '@/wall/wall'

/** Windows step down one after the other; how many they are in the end is worth saying. */
const SPEAK_AFTER_MS = 4000

export interface BudgetSetup {
  wall(): Pick<Wall, 'setKept'> | null
  views: Readonly<Ref<TileView[]>>
  say(text: string): void
}

export function useBudget({ wall, views, say }: BudgetSetup) {
  let told = 0
  let timer: number | null = null
  const count = (): number => views.value.filter((view) => reducedTo(view) !== null).length

  watch(views, () => {
    if (timer === null && count() !== told) timer = window.setTimeout(speak, SPEAK_AFTER_MS)
  })
  const speak = (): void => {
    timer = null
    const now = count()
    // Going back up is a matter of minutes and of no interest before its end.
    if (now === 0 && told > 0) say(t('budget.again'))
    else if (now > told) say(tn('budget.fewer', now))
    told = now
  }
  onUnmounted(() => { if (timer !== null) window.clearTimeout(timer) })

  function keep(view: TileView, on: boolean): void {
    if (view.channel === null) return
    wall()?.setKept(view.index, on)
    say(t(on ? 'budget.kept' : 'budget.unkept', { name: view.channel.name }))
  }

  async function explain(view: TileView): Promise<void> {
    const work = view.budget?.work
    await hideToast()
    const dialog = await alertController.create({
      header: t('budget.explainTitle'),
      subHeader: budgetWhy(view) ?? '',
      message: [
        t('budget.explain'),
        ...(work == null ? [] : [t('budget.explainLoad', { shown: Math.round(work.presentedFps), sent: Math.round(work.receivedFps) })]),
      ].join(' '),
      buttons: [
        ...(view.budget?.kept === true ? [] : [{ text: t('budget.keepLong'), role: 'keep' }]),
        { text: t('budget.close'), role: 'cancel' },
      ],
    })
    await dialog.present()
    if ((await dialog.onDidDismiss()).role === 'keep') keep(view, true)
  }

  return { keep, explain, busy: () => count() > 0 }
}
