import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../client/create-client.ts'
import { measureHitRatio } from './hit-ratio.ts'
import { startIdleServer } from './idle-server.ts'
import { createRawClient } from './raw-cycle.ts'
import { resetRace } from './reset-race.ts'
import { countTimeWait } from './sockets.ts'

/*
 * The article's table of wrong settings (claim 2.2d), each row as figures: the wrong setting beside a right one, under the
 * same load.
 */

/** The same load under two settings. */
export interface Contrast<F> {
  wrong: F
  right: F
}

export interface ChurnFigures {
  hitRatio: number
  /** Connections opened in place of others, per second. */
  reconnectsPerS: number
  /** Sockets in TIME_WAIT that it left behind; undefined where the system does not say. */
  timeWait: number | undefined
}

/**
 * Too few idle connections kept: bursts of 16 requests, 20 bursts a second, with room for 2 idle connections or for 16. What
 * a burst opens is closed after it and opened again for the next. (undici has no such limit: its `connections` bounds all
 * connections, and requests beyond it wait instead.)
 */
export async function idleMaxTooSmall(): Promise<Contrast<ChurnFigures>> {
  return { wrong: await bursts(2), right: await bursts(16) }
}

const burstSize = 16
const burstCount = 20
const burstGapMs = 50

async function bursts(idleMax: number): Promise<ChurnFigures> {
  await using server = await startIdleServer()
  await using client = createRawClient(server.port, { connectionsMax: 32, idleMax })
  for (let burst = 0; burst < burstCount; burst++) {
    await Promise.all(Array.from({ length: burstSize }, client.cycle))
    await sleep(burstGapMs)
  }
  const { opened, reused } = client.stats
  return {
    hitRatio: reused / (burstCount * burstSize),
    reconnectsPerS: ((opened - burstSize) * 1000) / (burstCount * burstGapMs),
    timeWait: countTimeWait(server.port)?.own,
  }
}

export interface LeakFigures {
  /** Connections open during the peak. */
  atPeak: number
  /** Connections that the client still holds, half a second after the peak, under a load that needs one or two. */
  afterPeak: number
  /** The same, as the server sees it: they are its descriptors and its memory too. */
  atServer: number
}

/**
 * Too large, and kept for too long: a peak of 64 requests at once, then one at a time. Nothing is lost in the sense of a
 * leak; but what the peak opened stays open, at both ends, for as long as the idle time says.
 */
export async function poolTooLarge(): Promise<Contrast<LeakFigures>> {
  return {
    wrong: await peak({ connectionsMax: 64, idleTimeoutMs: 60_000 }),
    right: await peak({ connectionsMax: 16, idleTimeoutMs: 150 }),
  }
}

async function peak(limits: { connectionsMax: number; idleTimeoutMs: number }): Promise<LeakFigures> {
  await using server = await startIdleServer({ drawServiceMs: () => 5 })
  await using client = createClient({ origin: server.origin, ...limits })
  const one = async (): Promise<void> => {
    const { body } = await client.request({ path: '/' })
    await body.dump()
  }
  await Promise.all(Array.from({ length: 64 }, one))
  const atPeak = client.stats.connectionsOpen
  for (let sent = 0; sent < 25; sent++) {
    await one()
    await sleep(15)
  }
  return { atPeak, afterPeak: client.stats.connectionsOpen, atServer: server.open }
}

/** Idle for too short a time: 50 requests a second, with an idle time of 5 ms or of a second. Most find nothing open. */
export async function idleTimeTooShort(): Promise<Contrast<ChurnFigures>> {
  return { wrong: await sparse(5), right: await sparse(1000) }
}

async function sparse(idleTimeoutMs: number): Promise<ChurnFigures> {
  const load = { rateQps: 50, durationS: 1, serviceMs: 1, connectionsMax: 32 }
  const { hitRatio, reconnectsPerS, timeWait } = await measureHitRatio({ ...load, idleTimeoutMs })
  return { hitRatio, reconnectsPerS, timeWait: timeWait?.own }
}

export interface StaleFigures {
  resets: number
  answered: number
  sent: number
}

/** Idle for too long: as long as the server, so that requests meet closing connections ({@link resetRace}); or half as long. */
export async function idleTimeTooLong(): Promise<Contrast<StaleFigures>> {
  const race = async (clientIdleMs: number): Promise<StaleFigures> => {
    const { resets, answered, sent } = await resetRace({ clientIdleMs })
    return { resets, answered, sent }
  }
  return { wrong: await race(400), right: await race(150) }
}
