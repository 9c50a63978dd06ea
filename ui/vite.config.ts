import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const source = fileURLToPath(new URL('./src', import.meta.url))

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': source } },
  // An audio worklet is a module, and has no `importScripts` for what the development server adds to it.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      // Ionic's components register themselves only when asked to, but do not say so: without this, all ninety come along,
      // 0.6 MB more for every start to read.
      treeshake: { moduleSideEffects: (id) => !id.includes('/@ionic/core/components/') },
    },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.test.ts'] },
})
