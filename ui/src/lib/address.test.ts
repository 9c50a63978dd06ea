import { describe, expect, it } from 'vitest'
import { changesOf, checkForm, draftOf, emptyForm, formOf, isLocal, noPorts, portFields, readAddress } from './address'
import { diagnose } from './diagnosis'
import { exposure } from './ports'
import type { Ports } from '@/api/generated'
import { fakeDevice } from '@/platform/fake'

describe('an address as typed', () => {
  it.each<[string, ReturnType<typeof readAddress>]>([
    ['192.0.2.7', { kind: 'host', host: '192.0.2.7', ports: {} }],
    [' yard.quickddns.com/ ', { kind: 'host', host: 'yard.quickddns.com', ports: {} }],
    ['2001:db8::1', { kind: 'host', host: '2001:db8::1', ports: {} }],
    ['[2001:db8::1]', { kind: 'host', host: '2001:db8::1', ports: {} }],
    ['[2001:db8::1]:8080', { kind: 'host', host: '2001:db8::1', ports: { http: '8080' } }],
    ['192.0.2.7:554', { kind: 'host', host: '192.0.2.7', ports: { rtsp: '554' } }],
    ['192.0.2.7:8554', { kind: 'host', host: '192.0.2.7', ports: { rtsp: '8554' } }],
    ['192.0.2.7:443', { kind: 'host', host: '192.0.2.7', ports: { https: '443' } }],
    ['192.0.2.7:37777', { kind: 'host', host: '192.0.2.7', ports: { server: '37777' } }],
    ['http://192.0.2.7/doc/page/login.asp?_1', { kind: 'host', host: '192.0.2.7', ports: {} }],
    ['HTTPS://cam.example:8443', { kind: 'host', host: 'cam.example', ports: { https: '8443' } }],
    ['rtsp://admin:p@ss/w0rd@192.0.2.7:554/a?b=c', { kind: 'stream', url: 'rtsp://admin:p@ss/w0rd@192.0.2.7:554/a?b=c', host: '192.0.2.7' }],
    ['RTSP://[2001:db8::1]:554/x', { kind: 'stream', url: 'RTSP://[2001:db8::1]:554/x', host: '2001:db8::1' }],
    ['', { kind: 'wrong' }],
    ['rtsp://', { kind: 'wrong' }],
    ['rtsp:///path', { kind: 'wrong' }],
    ['rtsp://camera:70000/', { kind: 'wrong' }],
    ['rtsp://cam era/', { kind: 'wrong' }],
    ['ftp://camera/', { kind: 'wrong' }],
    ['192.0.2.7:0', { kind: 'wrong' }],
    ['cam era', { kind: 'wrong' }],
  ])('%j', (text, typed) => expect(readAddress(text)).toEqual(typed))
})

describe('form', () => {
  it('checks every port and every further address', () => {
    expect(checkForm({ ...emptyForm(), address: 'cam', ports: { http: '0', https: '65536', rtsp: 'x', server: '37777' } })).toEqual({
      http: 'form.badPort', https: 'form.badPort', rtsp: 'form.badPort',
    })
    expect(checkForm({ ...emptyForm(), address: 'cam', ports: { http: '1', https: '65535', rtsp: '', server: '' } })).toEqual({})
    const routes = [{ host: 'home.example', ports: noPorts() }, { host: 'a b', ports: { ...noPorts(), rtsp: '99999' } }]
    expect(checkForm({ ...emptyForm(), address: '', routes })).toEqual({
      address: 'form.badAddress', routes: [null, { host: 'form.badHost', rtsp: 'form.badPort' }],
    })
  })

  it('takes a port that the core wrote as null for absent', () => {
    const ports = { http: null, https: null, rtsp: 554 } as unknown as Ports
    expect(portFields(ports)).toEqual({ ...noPorts(), rtsp: '554' })
    expect(exposure('home.example', ports)?.open).toEqual([80, 554])
  })

  it('sends only what was given', () => {
    expect(draftOf({ ...emptyForm(), address: ' rtsp://camera/x ' })).toEqual({ url: 'rtsp://camera/x', transport: 'auto' })
    expect(draftOf({
      ...emptyForm(), address: 'https://[2001:db8::1]:8443/', name: 'Gate ', user: 'admin', password: ' x ', family: 'dahua',
      routes: [{ host: 'home.example', ports: { ...noPorts(), rtsp: '20554' } }],
    })).toEqual({
      host: '2001:db8::1', ports: { https: 8443 }, name: 'Gate', user: 'admin', password: ' x ', family: 'dahua', transport: 'auto',
      routes: [{ host: 'home.example', ports: { rtsp: 20554 } }],
    })
  })

  it('sends only what changed', () => {
    const device = fakeDevice({ family: 'onvif' })
    expect(changesOf(formOf(device), device)).toEqual({})
    expect(changesOf({ ...formOf(device), password: 'new', transport: 'tcp' }, device)).toEqual({ password: 'new', transport: 'tcp' })
    expect(changesOf({ ...formOf(device), address: '192.0.2.8:8080' }, device)).toEqual({ host: '192.0.2.8', ports: { http: 8080, rtsp: 554 } })
    const routes = [{ host: 'home.example', ports: noPorts() }]
    expect(changesOf({ ...formOf(device), routes }, device)).toEqual({ routes: [{ host: 'home.example', ports: {} }] })
  })
})

it.each([
  ['10.1.2.3', true], ['172.16.9.9', true], ['172.32.0.1', false], ['192.168.0.1', true], ['169.254.1.1', true], ['127.0.0.2', true],
  ['8.8.8.8', false], ['fe80::1', true], ['fd00::1', true], ['::1', true], ['2001:db8::1', false], ['cam', true], ['cam.local', true],
  ['cam.example.org', false], ['[fd00::1]', true],
])('%s is local: %s', (host, local) => expect(isLocal(host)).toBe(local))

describe('what stands open', () => {
  it('says nothing about an address of the own network, or an unfinished one', () => {
    for (const host of ['192.168.1.20', 'cam', '', 'a b']) expect(exposure(host, { http: 80, server: 37777 })).toBeNull()
  })

  it.each([
    [{}, 'high', [80, 554]],
    [{ http: 80, https: 443, rtsp: 554, server: 37777 }, 'high', [80, 554, 37777]],
    [{ https: 443, rtsp: 20554, server: 8000 }, 'high', [8000]],
    [{ https: 443, rtsp: 20554 }, 'medium', []],
    [{ http: 20080, rtsp: 20554 }, 'medium', []],
    [{ https: 443, rtsp: 443 }, 'low', []],
  ] as const)('%j is %s', (ports, risk, common) => {
    expect(exposure('home.example', ports)).toMatchObject({ risk, common })
  })
})

describe('why a device does not answer', () => {
  it('tells a private address on mobile data that it cannot work', () => {
    expect(diagnose('192.168.1.20', 'away', 'yes')).toEqual({ isPrivate: true, steps: ['help.reach.awayPrivate'] })
  })

  it('looks at name, mapping and provider for a public one', () => {
    expect(diagnose('home.example', 'away', 'yes').steps).toEqual([
      'help.reach.awayDdns', 'help.reach.awayMapping', 'help.reach.awayIsp', 'help.reach.awayCgnat',
    ])
    expect(diagnose('203.0.113.9', 'away', 'yes').steps).not.toContain('help.reach.awayDdns')
  })

  it('sends people home first where it was never tried there', () => {
    expect(diagnose('home.example', 'away', 'no').steps[0]).toBe('help.reach.awayFirst')
    expect(diagnose('192.168.1.20', 'away', 'unknown').steps).toEqual(['help.reach.awayFirst', 'help.reach.awayPrivate'])
    expect(diagnose('', 'home', 'unknown').steps).toContain('help.reach.homeSearch')
  })
})
