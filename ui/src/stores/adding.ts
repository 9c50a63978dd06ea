import { reactive } from 'vue'
import { type ApiError, asApiError, rpc } from '@/api/client'
import type { Device, DeviceDraft, FoundDevice, Identity, RecogniseReport } from '@/api/generated'
import { portFields, portsOf } from '@/lib/address'
import { inPool } from '@/lib/pool'
import { devices } from './devices'

/** A device on its way into the list: what is known of it before its password. */
export interface Candidate {
  draft: DeviceDraft
  identity: Identity
  /** Whether it has its first password; null where nobody said. */
  activated: boolean | null
}

export type JobState = 'waiting' | 'activating' | 'busy' | 'done' | 'failed'

/** One of several devices that are added together. */
export interface Job {
  key: string
  candidate: Candidate
  state: JobState
  error: ApiError | null
  device: Device | null
}

interface State {
  /** The one device of the wizard; lost on a reload, so that no password outlives the page. */
  candidate: Candidate | null
  jobs: Job[]
  /** Texts of the scanned parts of a card. */
  cardTexts: string[]
  /** The login of the device added last, until its wizard ends: the step that gives it a domain needs it once more. */
  login: { id: string; user: string; password: string } | null
}

/** Devices asked at the same time: each costs several connections, and a phone has few. */
export const AT_ONCE = 3

const state = reactive<State>({ candidate: null, jobs: [], cardTexts: [], login: null })

export const noIdentity = (): Identity => ({ maker: '', model: '', firmware: '', serial: '', mac: '', name: '', class: 'unknown' })

/** What a search found, ready for its password. */
export function candidateOf(found: FoundDevice, addedBy: 'search' | 'scan'): Candidate {
  const { host, ports, family, identity, activated } = found
  return {
    draft: {
      host, addedBy,
      ...(Object.values(ports).some((port) => typeof port === 'number') ? { ports: portsOf(portFields(ports)) } : {}),
      ...(family === null ? {} : { family }),
    },
    identity,
    activated,
  }
}

function begin(candidate: Candidate): void {
  state.candidate = candidate
}

function beginMany(candidates: Candidate[]): void {
  state.jobs = candidates.map((candidate, at) => ({ key: String(at), candidate, state: 'waiting', error: null, device: null }))
}

function rememberLogin(id: string, user: string, password: string): void {
  state.login = { id, user, password }
}

function beginCard(text: string): void {
  state.cardTexts = [text]
}

/** Takes one more part; false when it is there already. */
function addCardPart(text: string): boolean {
  if (state.cardTexts.includes(text)) return false
  state.cardTexts.push(text)
  return true
}

/** Forgets everything typed and scanned, passwords included. */
function end(): void {
  Object.assign(state, { candidate: null, jobs: [], cardTexts: [], login: null })
}

/** The wizard of one device is over; another that has begun meanwhile stays. */
function endOne(mine: Candidate | null): void {
  if (state.candidate === mine) state.candidate = null
  state.login = null
}

function recognise(draft: DeviceDraft): Promise<RecogniseReport> {
  // Nothing of the login is needed to find out who answers, so nothing of it is sent; and the
  // certificate shown now is the very question, so no earlier answer to it is either.
  const { user, password, name, spendLastTry, acceptCertificate, ...where } = draft
  void [user, password, name, spendLastTry, acceptCertificate]
  return rpc('devices.recognise', where)
}

/** Gives a factory-fresh device its first password. */
async function activate(draft: DeviceDraft, password: string, mail: string): Promise<void> {
  await rpc('devices.activate', {
    host: draft.host ?? '', ports: draft.ports ?? {}, password, ...(mail === '' ? {} : { mail }),
  })
}

/**
 * Adds the jobs that are not done, a few at a time. Each device is tried once with its login; the last try before a
 * lock is never spent here, and a failed one waits for somebody to look at it. A factory-fresh device gets its
 * password as the first one.
 */
async function addMany(
  login: (job: Job) => { user: string; password: string }, allowed: (job: Job) => boolean = () => true,
): Promise<void> {
  const todo = state.jobs.filter((job) => job.state !== 'done' && allowed(job))
  for (const job of todo) Object.assign(job, { state: 'waiting', error: null })
  await inPool(todo, AT_ONCE, async (job) => {
    try {
      const { user, password } = login(job)
      if (job.candidate.activated === false) {
        job.state = 'activating'
        await activate(job.candidate.draft, password, '')
        job.candidate.activated = true
      }
      job.state = 'busy'
      job.device = await devices.add({
        ...job.candidate.draft, ...(user === '' ? {} : { user }), ...(password === '' ? {} : { password }),
      })
      job.state = 'done'
    } catch (error) {
      job.error = asApiError(error)
      job.state = 'failed'
    }
  })
}

export const adding = { state, begin, beginMany, beginCard, rememberLogin, addCardPart, end, endOne, recognise, activate, addMany }
