import type { Device, DeviceDraft, Transport } from '@/api/generated'
import type { TextKey } from '@/i18n'

export const RTSP_PORT = 554

/** What stands in the fields of the form, as typed. */
export interface DeviceForm {
  mode: 'url' | 'address'
  url: string
  host: string
  port: string
  user: string
  password: string
  name: string
  transport: Transport
}

export type FieldErrors = Partial<Record<'url' | 'host' | 'port', TextKey>>

export function emptyForm(): DeviceForm {
  return { mode: 'url', url: '', host: '', port: String(RTSP_PORT), user: '', password: '', name: '', transport: 'auto' }
}

export function formOf(device: Device): DeviceForm {
  const { host, user, name, transport } = device
  return { mode: 'address', url: '', host, port: String(device.port), user, password: '', name, transport }
}

function parsePort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text.trim()) : 0
  return port >= 1 && port <= 65535 ? port : null
}

function isRtspUrl(text: string): boolean {
  const match = /^rtsp:\/\/(?:\S*@)?(\[[0-9a-f:.]+\]|[^\s/:@?#[\]]+)(?::(\d+))?(?:[/?]\S*)?$/i.exec(text.trim())
  return match !== null && (match[2] === undefined || parsePort(match[2]) !== null)
}

function isHost(text: string): boolean {
  return /^(\[?[0-9a-f:.]*:[0-9a-f:.]*\]?|[^\s/:@?#[\]]+)$/i.test(text.trim())
}

/** Only what cannot be right is refused here; the core has the last word. */
export function checkForm(form: DeviceForm): FieldErrors {
  const errors: FieldErrors = {}
  if (form.mode === 'url') {
    if (!isRtspUrl(form.url)) errors.url = 'form.badUrl'
    return errors
  }
  if (!isHost(form.host)) errors.host = 'form.badHost'
  if (parsePort(form.port) === null) errors.port = 'form.badPort'
  return errors
}

/** The form of a new device as a draft. Empty fields stay away: absent means "not given". */
export function draftOf(form: DeviceForm): DeviceDraft {
  const name = form.name.trim()
  const common = { transport: form.transport, ...(name === '' ? {} : { name }) }
  if (form.mode === 'url') return { url: form.url.trim(), ...common }
  const user = form.user.trim()
  return {
    host: form.host.trim().replace(/^\[|\]$/g, ''),
    port: parsePort(form.port) ?? RTSP_PORT,
    ...(user === '' ? {} : { user }),
    ...(form.password === '' ? {} : { password: form.password }),
    ...common,
  }
}

/** Only what differs from the stored device: an untouched address must not cause a new probe. */
export function changesOf(form: DeviceForm, device: Device): DeviceDraft {
  const draft: DeviceDraft = {}
  const port = parsePort(form.port)
  if (port !== null && port !== device.port) draft.port = port
  const host = form.host.trim().replace(/^\[|\]$/g, '')
  const name = form.name.trim()
  if (host !== device.host) draft.host = host
  if (form.user.trim() !== device.user) draft.user = form.user.trim()
  if (form.password !== '') draft.password = form.password
  if (name !== '' && name !== device.name) draft.name = name
  if (form.transport !== device.transport) draft.transport = form.transport
  return draft
}
