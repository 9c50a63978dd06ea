import { shallowReactive } from 'vue'
import type { ApiError } from '@/api/client'

/** Why the page could not read its settings; shown instead of a page that pretends to work. */
export const startup = shallowReactive<{ error: ApiError | null }>({ error: null })
