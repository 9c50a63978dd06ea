import { createRouter, createWebHashHistory } from '@ionic/vue-router'
import { oneChangeAtATime } from '@/lib/pageChanges'
import { noteTabs } from '@/lib/tabs'
import { tabViews } from '@/views/tabViews'
import TabsShell from '@/views/TabsShell.vue'

/** Hash paths: the same files work under Tauri's scheme, a loopback server and a plain folder. */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', redirect: '/home' },
    {
      path: '/',
      component: TabsShell,
      children: [
        { path: 'home', component: tabViews.home },
        { path: 'messages', component: tabViews.messages },
        { path: 'devices', component: tabViews.devices },
        { path: 'me', component: tabViews.me },
      ],
    },
    // Outside the tabs: a form has the whole screen, and no tab remembers it as its last page.
    { path: '/device/add', component: () => import('@/views/add/AddWaysView.vue') },
    { path: '/device/add/scan', component: () => import('@/views/add/ScanView.vue') },
    { path: '/device/add/search', component: () => import('@/views/add/SearchView.vue') },
    { path: '/device/add/address', component: () => import('@/views/add/AddDeviceView.vue'), props: { from: 'address' } },
    { path: '/device/add/login', component: () => import('@/views/add/AddDeviceView.vue'), props: { from: 'found' } },
    { path: '/device/add/many', component: () => import('@/views/add/AddManyView.vue') },
    { path: '/device/add/card', component: () => import('@/views/add/CardAddView.vue') },
    { path: '/devices/card', component: () => import('@/views/device/CardView.vue') },
    { path: '/help', component: () => import('@/views/help/HelpIndexView.vue') },
    { path: '/help/failure/:code', component: () => import('@/views/help/FailureHelpView.vue'), props: true },
    { path: '/protection', component: () => import('@/views/ProtectionView.vue') },
    { path: '/files', component: () => import('@/views/FilesView.vue') },
    { path: '/files/:id', component: () => import('@/views/files/PlayerView.vue'), props: true },
    { path: '/help/:topic', component: () => import('@/views/HelpView.vue'), props: true },
    { path: '/feedback', component: () => import('@/views/help/FeedbackView.vue') },
    { path: '/about', component: () => import('@/views/help/AboutView.vue') },
    { path: '/about/licences', component: () => import('@/views/help/LicencesView.vue') },
    { path: '/device/:id', component: () => import('@/views/device/DeviceEditView.vue'), props: true },
    { path: '/device/:id/about', component: () => import('@/views/device/DeviceView.vue'), props: true },
    { path: '/device/:id/domain', component: () => import('@/views/device/DomainView.vue'), props: true },
    { path: '/favourites', component: () => import('@/views/favourites/FavouritesView.vue') },
    { path: '/favourites/new', component: () => import('@/views/favourites/FavouriteNewView.vue') },
    { path: '/favourites/:id', component: () => import('@/views/favourites/FavouriteView.vue'), props: true },
    { path: '/favourites/:id/add', component: () => import('@/views/favourites/FavouriteNewView.vue'), props: true },
    { path: '/me/traffic', component: () => import('@/views/me/TrafficView.vue') },
    { path: '/me/country', component: () => import('@/views/me/CountryView.vue') },
    { path: '/:rest(.*)*', redirect: '/home' },
  ],
})

oneChangeAtATime(router)
noteTabs(router)
