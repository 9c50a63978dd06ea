import { createRouter, createWebHashHistory } from '@ionic/vue-router'
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
        { path: 'home', component: () => import('@/views/HomeView.vue') },
        { path: 'messages', component: () => import('@/views/MessagesView.vue') },
        { path: 'devices', component: () => import('@/views/DevicesView.vue') },
        { path: 'me', component: () => import('@/views/MeView.vue') },
      ],
    },
    // Outside the tabs: a form has the whole screen, and no tab remembers it as its last page.
    { path: '/device/add', component: () => import('@/views/DeviceFormView.vue') },
    { path: '/device/:id', component: () => import('@/views/DeviceFormView.vue'), props: true },
    { path: '/:rest(.*)*', redirect: '/home' },
  ],
})
