import type { Device, DeviceClass, DeviceDraft, Ports, Route, RouteDraft, Transport } from '@/api/generated'
import type { TextKey } from '@/i18n'

/** `''` leaves the finding out to the core. */
export type FamilyChoice = '' | 'onvif' | 'isapi' | 'dahua' | 'rtsp'
export const FAMILIES: readonly FamilyChoice[] = ['', 'onvif', 'isapi', 'dahua', 'rtsp']
export const CLASSES: readonly Exclude<DeviceClass, 'unknown'>[] = ['camera', 'recorder', 'door', 'alarm']

export const SERVICES = ['http', 'https', 'rtsp', 'server'] as const
export type Service = (typeof SERVICES)[number]
/** Ports as typed; empty means the usual one. */
export type PortFields = Record<Service, string>

export interface RouteForm {
  host: string
  ports: PortFields
}

/** What stands in the fields, as typed. */
export interface AddressForm {
  /** Host name, address, or a whole URL. */
  address: string
  ports: PortFields
  routes: RouteForm[]
  user: string
  password: string
  name: string
  transport: Transport
  family: FamilyChoice
}

export const noPorts = (): PortFields => ({ http: '', https: '', rtsp: '', server: '' })

export function emptyForm(): AddressForm {
  return { address: '', ports: noPorts(), routes: [], user: '', password: '', name: '', transport: 'auto', family: '' }
}

/** The core writes an absent port as null. */
const asText = (port: number | null | undefined): string => (typeof port === 'number' ? String(port) : '')

export function portFields(ports: Ports): PortFields {
  const { http, https, rtsp, server } = ports
  return { http: asText(http), https: asText(https), rtsp: asText(rtsp), server: asText(server) }
}

export function formOf(device: Device): AddressForm {
  const [first, ...others] = device.routes
  const { user, name, transport } = device
  return {
    address: device.host,
    ports: { ...portFields(first?.ports ?? {}), rtsp: String(device.port) },
    routes: others.map((route: Route) => ({ host: route.host, ports: portFields(route.ports) })),
    user, name, transport, password: '',
    family: FAMILIES.find((one) => one === device.family) ?? '',
  }
}

export function parsePort(text: string): number | null {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text.trim()) : 0
  return port >= 1 && port <= 65535 ? port : null
}

export const bareHost = (host: string): string => host.trim().replace(/^\[|\]$/g, '')

export function isHost(text: string): boolean {
  return /^(\[?[0-9a-f:.]*:[0-9a-f:.]*\]?|[^\s/:@?#[\]]+)$/i.test(text.trim())
}

/** What was typed as an address. */
export type Typed =
  | { kind: 'host'; host: string; ports: Partial<PortFields> }
  /** One stream by its whole URL. */
  | { kind: 'stream'; url: string; host: string }
  | { kind: 'wrong' }

/** The service that a port stands for when it was typed behind the host without a word. */
function serviceOf(port: number): Service {
  if (port === 443 || port === 8443) return 'https'
  if (port === 554 || port === 8554 || port === 10554) return 'rtsp'
  return port === 37777 || port === 8000 ? 'server' : 'http'
}

/** Takes host names, addresses, `host:port`, and URLs of web pages and streams as people paste them. */
export function readAddress(text: string): Typed {
  const typed = text.trim()
  const url = /^([a-z]+):\/\/(?:\S*@)?(\[[0-9a-f:.]+\]|[^\s/:@?#[\]]+)(?::(\d+))?([/?]\S*)?$/i.exec(typed)
  if (url !== null) {
    const [, scheme = '', host = '', port] = url
    const kind = scheme.toLowerCase()
    if (port !== undefined && parsePort(port) === null) return { kind: 'wrong' }
    if (kind === 'rtsp') return { kind: 'stream', url: typed, host: bareHost(host) }
    if (kind !== 'http' && kind !== 'https') return { kind: 'wrong' }
    return { kind: 'host', host: bareHost(host), ports: port === undefined ? {} : { [kind]: port } }
  }
  const pair = /^(\[[0-9a-f:.]+\]|[^\s/:@?#[\]]+):(\d+)\/?$/i.exec(typed)
  if (pair !== null) {
    const [, host = '', port = ''] = pair
    const number = parsePort(port)
    return number === null ? { kind: 'wrong' } : { kind: 'host', host: bareHost(host), ports: { [serviceOf(number)]: port } }
  }
  const plain = typed.replace(/\/$/, '')
  return isHost(plain) ? { kind: 'host', host: bareHost(plain), ports: {} } : { kind: 'wrong' }
}

export type FieldErrors = Partial<Record<'address' | Service, TextKey>> & { routes?: (Partial<Record<'host' | Service, TextKey>> | null)[] }

function checkPorts(ports: PortFields): Partial<Record<Service, TextKey>> {
  const errors: Partial<Record<Service, TextKey>> = {}
  for (const service of SERVICES) {
    if (ports[service].trim() !== '' && parsePort(ports[service]) === null) errors[service] = 'form.badPort'
  }
  return errors
}

/** Only what cannot be right is refused here; the core has the last word. */
export function checkForm(form: AddressForm): FieldErrors {
  const errors: FieldErrors = checkPorts(form.ports)
  if (readAddress(form.address).kind === 'wrong') errors.address = 'form.badAddress'
  const routes = form.routes.map((route) => {
    const found: Partial<Record<'host' | Service, TextKey>> = checkPorts(route.ports)
    if (!isHost(route.host)) found.host = 'form.badHost'
    return Object.keys(found).length === 0 ? null : found
  })
  if (routes.some((route) => route !== null)) errors.routes = routes
  return errors
}

export function portsOf(fields: PortFields): Ports {
  const ports: Ports = {}
  for (const service of SERVICES) {
    const port = parsePort(fields[service])
    if (port !== null) ports[service] = port
  }
  return ports
}

export const routeDraft = (route: RouteForm): RouteDraft => ({ host: bareHost(route.host), ports: portsOf(route.ports) })

/** The form of a new device as a draft. Empty fields stay away: absent means "not given". */
export function draftOf(form: AddressForm): DeviceDraft {
  const name = form.name.trim()
  const user = form.user.trim()
  const typed = readAddress(form.address)
  const login = {
    ...(user === '' ? {} : { user }),
    ...(form.password === '' ? {} : { password: form.password }),
    ...(name === '' ? {} : { name }),
    transport: form.transport,
  }
  if (typed.kind === 'stream') return { url: typed.url, ...login }
  const ports = portsOf({ ...form.ports, ...(typed.kind === 'host' ? typed.ports : {}) })
  return {
    host: typed.kind === 'host' ? typed.host : form.address.trim(),
    ...(Object.keys(ports).length === 0 ? {} : { ports }),
    ...(form.routes.length === 0 ? {} : { routes: form.routes.map(routeDraft) }),
    ...(form.family === '' ? {} : { family: form.family }),
    ...login,
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Only what differs from the stored device: an untouched address must not cause a new probe. */
export function changesOf(form: AddressForm, device: Device): DeviceDraft {
  const old = formOf(device)
  const draft: DeviceDraft = {}
  const typed = readAddress(form.address)
  const name = form.name.trim()
  if (typed.kind === 'stream') draft.url = typed.url
  else if (typed.kind === 'host') {
    if (typed.host !== device.host) draft.host = typed.host
    const ports = { ...form.ports, ...typed.ports }
    if (!same(portsOf(ports), portsOf(old.ports))) draft.ports = portsOf(ports)
  }
  if (!same(form.routes.map(routeDraft), old.routes.map(routeDraft))) draft.routes = form.routes.map(routeDraft)
  if (form.user.trim() !== device.user) draft.user = form.user.trim()
  if (form.password !== '') draft.password = form.password
  if (name !== '' && name !== device.name) draft.name = name
  if (form.transport !== device.transport) draft.transport = form.transport
  if (form.family !== '' && form.family !== device.family) draft.family = form.family
  return draft
}

/**
 * Whether an address is reachable only from its own network: private, link-local, loopback, unique local, `.local`, or
 * a name without dots. The core's own rule, needed here while somebody types.
 */
export function isLocal(host: string): boolean {
  const bare = bareHost(host).toLowerCase()
  const four = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(bare)
  if (four !== null) {
    const [a, b] = [Number(four[1]), Number(four[2])]
    return a === 10 || a === 127 || (a === 192 && b === 168) || (a === 172 && b >= 16 && b <= 31) || (a === 169 && b === 254)
  }
  if (bare.includes(':')) return bare === '::1' || /^f[cd]/.test(bare) || /^fe[89ab]/.test(bare)
  return !bare.includes('.') || bare.endsWith('.local')
}

/** Typed completely enough that a warning about it is no noise. */
export const isPublic = (host: string): boolean => host.trim() !== '' && isHost(host) && !isLocal(host)
