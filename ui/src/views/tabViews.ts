/** The pages of the tabs, each a file of its own. */
export const tabViews = {
  home: () => import('@/views/HomeView.vue'),
  messages: () => import('@/views/MessagesView.vue'),
  devices: () => import('@/views/DevicesView.vue'),
  me: () => import('@/views/MeView.vue'),
}

/** Fetches the tabs ahead of the first tap: while one is under way, Ionic ignores a tap back on the tab that is shown. */
export function fetchTabs(): void {
  for (const view of Object.values(tabViews)) view().catch(() => undefined)
}
