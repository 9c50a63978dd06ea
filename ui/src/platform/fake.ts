import type {
  AppInfo, Channel, ChannelLook, ChannelRef, ChosenStream, Code, Device, DeviceDraft, ErrorDto, Favourite, FavouriteList, FoundDevice, Identity, ProtectionState,
  RpcSchema, SearchState, Settings, WallMemory,
} from '@/api/generated'
import { isLocal } from '@/lib/address'
import type { Platform, Reply } from './types'

type Handlers = { [K in keyof RpcSchema]?: (request: RpcSchema[K]['request']) => RpcSchema[K]['response'] }

const sameChannel = (a: ChannelRef, b: ChannelRef): boolean => a.device === b.device && a.channel === b.channel

/** Thrown by a handler to answer with an error. */
export class FakeFailure extends Error {
  constructor(readonly dto: ErrorDto) {
    super(dto.detail)
  }
}

export function failure(code: Code, retryAfterMs: number | null = null, triesLeft: number | null = null): FakeFailure {
  return new FakeFailure({ code, detail: `fake ${code}`, retryAfterMs, triesLeft })
}

export function fakeIdentity(some: Partial<Identity> = {}): Identity {
  return { maker: '', model: '', firmware: '', serial: '', mac: '', name: '', class: 'unknown', ...some }
}

/** A device as listed; a plain RTSP camera unless told otherwise. */
export function fakeDevice(some: Partial<Device> = {}): Device {
  const host = some.host ?? '192.0.2.7'
  return {
    id: 'a', name: 'Yard', host, port: 554, user: 'admin', hasPassword: true, transport: 'auto', family: 'rtsp',
    identity: fakeIdentity(), addedBy: 'address', unverified: false, videoTrouble: null, channels: [fakeChannel(1)], addedAtMs: 0,
    routes: [{ host, ports: { rtsp: some.port ?? 554 }, local: true, inUse: true }], ...some,
  }
}

/** A row of a search; an activated camera unless told otherwise. */
export function fakeFound(some: Partial<FoundDevice> = {}): FoundDevice {
  const host = some.host ?? '192.168.1.64'
  return {
    key: host, host, addresses: [host], ports: {}, family: 'onvif', foundBy: ['WS-Discovery'], activated: true, added: null,
    identity: fakeIdentity({ maker: 'Acme', model: 'IPC-2100', serial: `SN${host.replaceAll('.', '')}`, class: 'camera' }), ...some,
  }
}

export function fakeChannel(number: number, name = `Camera ${number}`): Channel {
  return {
    number,
    name,
    streams: [
      { profile: 'main', path: `/main/${number}`, codec: 'avc1.64001f', width: 1920, height: 1080 },
      { profile: 'sub', path: `/sub/${number}`, codec: 'avc1.42e01e', width: 640, height: 360 },
    ],
  }
}

/** A core in memory: keeps devices and settings, so that stores and views can be tested without Rust. */
export class FakePlatform implements Platform {
  readonly kind = 'fake' as const
  readonly calls: { name: string; request: unknown }[] = []
  readonly overrides: Handlers = {}
  info: AppInfo = { version: '0.1.0', shell: 'web', os: 'linux', ephemeral: false, keyStorage: 'keyFile' }
  settings: Settings = {
    hardDecoding: true, qualityMode: 'auto', fluentDelayMs: 400, theme: 'dark', language: 'en', layout: 4, ptzStep: 5, wallTools: [], captureCount: 1, pushDurationS: 15,
    noiseReduction: 2, defaultPage: 'home', meteredPolicy: 'ask', meteredCapMb: 0, memoryPlay: false, country: '',
  }
  protection: ProtectionState = { offered: true, kind: null, locked: false, askAfterS: 0, waitMs: null, triesLeft: 5, biometrics: 'absent' }
  secret = ''
  /** How the system's sheet ends. */
  finger: 'opens' | 'cancelled' | 'biometricsFailed' = 'opens'
  favourites: Favourite[] = []
  memory: WallMemory | null = null
  metered = false
  meteredBytes = 0
  readonly network = { metered: (): boolean => this.metered, onChange: (listener: () => void): void => { this.onNetwork = listener } }
  /** The platform noticed another network. */
  onNetwork: () => void = () => undefined
  devices: Device[] = []
  choices: ChosenStream[] = []
  /** What a search finds. */
  found: FoundDevice[] = []
  private revision = 0
  private readonly removed = new Map<string, Device>()
  private readonly removedGroups = new Map<string, Favourite>()
  readonly looks = new Map<string, ChannelLook>()
  private groups = 0
  private groupRevision = 0

  /** The one call that is made, when there is one. */
  talking: string | null = null
  private talks = 0

  private readonly handlers: Handlers = {
    'app.info': () => this.info,
    'protection.state': () => ({ ...this.protection }),
    'protection.lock': () => this.protect({ locked: this.protection.kind !== null }),
    'protection.away': () => this.protect({ locked: this.protection.kind !== null && this.protection.askAfterS === 0 }),
    'protection.back': ({ starting }) => this.protect({ locked: this.protection.locked || (starting === true && this.protection.kind !== null) }),
    'protection.unlock': ({ secret }) => {
      this.check(secret)
      return this.protect({ locked: false })
    },
    'protection.unlockByBiometrics': () => {
      if (this.finger !== 'opens') throw failure(this.finger)
      return this.protect({ locked: false })
    },
    'protection.letBiometrics': ({ secret }) => {
      this.check(secret)
      return this.protect({ biometrics: 'on' })
    },
    'protection.forgetBiometrics': () => this.protect({ biometrics: 'off' }),
    'protection.setUp': ({ kind, secret }) => {
      this.secret = secret
      return this.protect({ kind })
    },
    'protection.change': ({ current, kind, secret }) => {
      this.check(current)
      this.secret = secret
      return this.protect({ kind })
    },
    'protection.turnOff': ({ secret }) => {
      this.check(secret)
      return this.protect({ kind: null, askAfterS: 0 })
    },
    'protection.askAfter': ({ seconds }) => this.protect({ askAfterS: seconds }),
    'protection.forget': () => {
      for (const device of this.devices) device.hasPassword = false
      return this.protect({ kind: null, locked: false, waitMs: null, triesLeft: 5 })
    },
    'streams.choices': () => ({ choices: structuredClone(this.choices) }),
    'streams.choose': (one) => {
      this.choices = this.choices.filter((old) => !sameChannel(old, one))
      if (one.choice !== 'auto') this.choices.push(one)
      return {}
    },
    'devices.list': () => ({ revision: this.revision, devices: structuredClone(this.devices) }),
    'devices.probe': (draft) => ({
      host: draft.host ?? 'camera', port: draft.port ?? 554, family: draft.family ?? 'rtsp', evidence: 'RTSP answers',
      identity: fakeIdentity(), https: false, certificate: null, server: null, channels: [fakeChannel(1)],
      videoTrouble: null, oddities: [],
    }),
    'devices.add': (draft) => this.add(draft),
    'devices.update': ({ id, draft }) => {
      const device = this.find(id)
      if (draft.name !== undefined) device.name = draft.name
      if (draft.host !== undefined) device.host = draft.host
      if (draft.class !== undefined) device.identity.class = draft.class
      if (draft.routes !== undefined) {
        device.routes = [
          ...device.routes.slice(0, 1),
          ...draft.routes.map(({ host, ports }) => ({ host, ports, local: isLocal(host), inUse: false })),
        ]
      }
      device.unverified = false
      if (draft.transport !== undefined) device.transport = draft.transport
      this.revision += 1
      return structuredClone(device)
    },
    'devices.delete': ({ id }) => {
      const device = this.find(id)
      this.removed.set(id, device)
      this.devices = this.devices.filter((other) => other !== device)
      this.revision += 1
      return { undoMs: 5000 }
    },
    'devices.restore': ({ id }) => {
      const device = this.removed.get(id)
      if (device === undefined) throw failure('notFound')
      this.devices.push(device)
      this.revision += 1
      return structuredClone(device)
    },
    'devices.recognise': (draft) => {
      const found = this.found.find((one) => one.host === draft.host)
      if (found === undefined) throw failure('unreachable')
      const { family, activated, identity } = found
      return { family: family ?? 'onvif', evidence: 'it answers GetDeviceInformation', activated, https: false, certificate: null, identity }
    },
    'devices.activate': ({ host }) => {
      const found = this.found.find((one) => one.host === host)
      if (found !== undefined) found.activated = true
      return {}
    },
    'devices.details': ({ id }) => {
      const { family, identity, channels, routes } = this.find(id)
      return {
        id, family, identity, routes, class: identity.class, webPage: null, clockOffsetMs: null, zone: '', certificate: null, oddities: [],
        channels: channels.map((channel) => ({ channel, online: true, whyOffline: '' })),
      }
    },
    'devices.snapshot': () => { throw failure('notOffered') },
    'search.start': () => this.searched(true),
    'search.next': () => this.searched(false),
    'search.stop': () => ({}),
    'settings.get': () => ({ ...this.settings }),
    'settings.set': (patch) => (this.settings = { ...this.settings, ...patch }),
    'live.presence': () => ({}),
    'live.hint': () => ({}),
    'diagnostics.make': ({ answers }) => ({ fileName: 'bartizan-diagnostics-1.json', text: JSON.stringify({ format: 'fake', answers: answers ? ['x'] : [] }, null, 2) }),
    'favourites.list': () => this.favouriteList(),
    'favourites.create': ({ name, channels, layout }) => {
      const made = { id: `g${this.groups += 1}`, name: name.trim(), channels, layout }
      this.favourites.push(made)
      return structuredClone(made)
    },
    'favourites.update': ({ id, name, layout, channels }) => {
      const group = this.group(id)
      Object.assign(group, name !== undefined && { name }, layout !== undefined && { layout }, channels !== undefined && { channels })
      return this.favouriteList()
    },
    'favourites.add': ({ id, channels }) => {
      const group = this.group(id)
      group.channels = [...group.channels, ...channels.filter((one) => !group.channels.some((other) => sameChannel(one, other)))]
      return this.favouriteList()
    },
    'favourites.remove': ({ id, channels }) => {
      const group = this.group(id)
      group.channels = group.channels.filter((one) => !channels.some((other) => sameChannel(one, other)))
      return this.favouriteList()
    },
    'favourites.order': ({ ids }) => {
      const rank = (id: string): number => (ids.includes(id) ? ids.indexOf(id) : ids.length)
      this.favourites.sort((a, b) => rank(a.id) - rank(b.id))
      return this.favouriteList()
    },
    'favourites.delete': ({ id }) => {
      this.removedGroups.set(id, this.group(id))
      this.favourites = this.favourites.filter((one) => one.id !== id)
      return { undoMs: 5000 }
    },
    'favourites.restore': ({ id }) => {
      const group = this.removedGroups.get(id)
      if (group === undefined) throw failure('notFound')
      this.favourites.push(group)
      return this.favouriteList()
    },
    'pictures.last': ({ channels }) => ({ pictures: channels.map(() => null) }),
    'pictures.keep': () => ({}),
    'looks.list': () => ({ looks: [...this.looks.values()] }),
    'looks.set': (one) => {
      const key = `${one.channel} ${one.device}`
      if (one.look === null) this.looks.delete(key)
      else this.looks.set(key, one)
      return {}
    },
    'memory.get': () => ({ memory: structuredClone(this.memory) }),
    'memory.set': (memory) => {
      this.memory = structuredClone(memory)
      return {}
    },
    'talk.start': () => ({ talk: this.talking = `t${this.talks += 1}`, sampleRateHz: 8000, holdMs: 2000 }),
    'talk.send': ({ talk }) => {
      if (talk !== this.talking) throw failure('notFound')
      return {}
    },
    'talk.stop': ({ talk }) => {
      if (talk === this.talking) this.talking = null
      return {}
    },
    'traffic.network': () => ({}),
    'traffic.get': ({ month }) => ({
      month: month ?? '2026-11', months: ['2026-11', '2026-10'], metered: this.metered, meteredBytes: this.meteredBytes,
      devices: this.meteredBytes === 0 ? [] : [{ device: this.devices[0]?.id ?? 'gone', bytes: this.meteredBytes * 3, meteredBytes: this.meteredBytes }],
    }),
  }

  rpc(name: string, request: unknown): Promise<Reply> {
    this.calls.push({ name, request })
    const key = name as keyof RpcSchema
    const handler = (this.overrides[key] ?? this.handlers[key]) as ((request: unknown) => unknown) | undefined
    try {
      if (handler === undefined) throw failure('unsupportedCommand')
      return Promise.resolve({ ok: handler(request) })
    } catch (error) {
      if (error instanceof FakeFailure) return Promise.resolve({ err: error.dto })
      return Promise.reject(error instanceof Error ? error : new Error(String(error)))
    }
  }

  private protect(change: Partial<ProtectionState>): ProtectionState {
    this.protection = { ...this.protection, ...change }
    return { ...this.protection }
  }

  private check(secret: string): void {
    if (this.protection.waitMs !== null) throw failure('appPasswordWait', this.protection.waitMs)
    if (secret === this.secret) {
      this.protect({ triesLeft: 5 })
      return
    }
    const { triesLeft } = this.protect({ triesLeft: Math.max(0, this.protection.triesLeft - 1) })
    if (triesLeft > 0) throw failure('appPassword', null, triesLeft)
    this.protect({ waitMs: 30_000 })
    throw failure('appPassword', 30_000)
  }

  private searched(running: boolean): SearchState {
    return { search: 's1', revision: running ? 1 : 2, running, found: running ? [] : structuredClone(this.found), troubles: [] }
  }

  private add(draft: DeviceDraft): Device {
    const host = draft.host ?? new URL((draft.url ?? '').replace(/^rtsp:/, 'http:')).hostname
    const device = fakeDevice({
      id: `d${this.devices.length + 1}`,
      name: draft.name ?? host,
      host,
      port: draft.port ?? draft.ports?.rtsp ?? 554,
      user: draft.user ?? '',
      hasPassword: draft.password !== undefined,
      transport: draft.transport ?? 'auto',
      family: draft.family ?? 'rtsp',
      identity: fakeIdentity({ class: draft.class ?? 'unknown' }),
      addedBy: draft.addedBy ?? 'address',
    })
    this.devices.push(device)
    this.revision += 1
    return structuredClone(device)
  }

  private favouriteList(): FavouriteList {
    this.groupRevision += 1
    return { revision: this.groupRevision, favourites: structuredClone(this.favourites) }
  }

  private group(id: string): Favourite {
    const group = this.favourites.find((one) => one.id === id)
    if (group === undefined) throw failure('notFound')
    return group
  }

  private find(id: string): Device {
    const device = this.devices.find((one) => one.id === id)
    if (device === undefined) throw failure('notFound')
    return device
  }
}
