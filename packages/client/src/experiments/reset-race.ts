import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { createClient, type PooledClient } from '../client/create-client.ts'
import type { ClientStats } from '../client/tally.ts'
import { startIdleServer } from './idle-server.ts'
import { layLine } from './line.ts'

export interface ResetRaceOptions {
  /** Idle time of the client, in milliseconds. */
  clientIdleMs: number
  /** Idle time of the server, in milliseconds; more than twice `oneWayMs`. Default 400. */
  serverIdleMs?: number
  /** Distance between the two, in milliseconds. Default 100. */
  oneWayMs?: number
  /** Connections that are idle when the race begins. Default 20. */
  connections?: number
  method?: Dispatcher.HttpMethod
  /** 1 turns retries off, the default here. */
  attemptsMax?: number
}

export interface ResetRaceResult extends Pick<ClientStats, 'resets' | 'retries' | 'connectionsOpened'> {
  /** Requests sent into the race. */
  sent: number
  /** Of these, answered. */
  answered: number
  /** Codes of the errors of the others, without repetition. */
  codes: string[]
}

/**
 * The reset race (erratum E7): a request and the server's close cross on the way.
 *
 *   client  answer arrives ────────────── request leaves ───────── reset
 *             ╲ ▲                                      ╲      ╱
 *              ╲│ oneWay                               ╲    ╱ close
 *   server  answer leaves ──────── idle time ──────── close ╳ request arrives: nobody is there
 *
 * The server closes `serverIdleMs` after its answer left; the client learns of it twice `oneWayMs` later than it could have
 * helped it. In that window everything that it sends on such a connection is lost, unless its own idle time closed the
 * connection before. Here all connections are idle at once and the requests leave in the middle of the window, so that
 * every one of them meets the race.
 */
export async function resetRace(options: ResetRaceOptions): Promise<ResetRaceResult> {
  const {
    clientIdleMs,
    serverIdleMs = 400,
    oneWayMs = 100,
    connections = 20,
    method = 'GET',
    attemptsMax = 1,
  } = options
  await using server = await startIdleServer({ idleTimeoutMs: serverIdleMs })
  await using line = await layLine(server.port, oneWayMs)
  await using client = createClient({
    origin: `http://127.0.0.1:${line.port}`,
    connectionsMax: connections,
    idleTimeoutMs: clientIdleMs,
    attemptsMax,
    retryReserve: Math.min(100, connections),
  })
  await sendAll(client, connections, 'GET')
  await sleep(serverIdleMs - oneWayMs)
  const outcomes = await sendAll(client, connections, method)
  const codes = outcomes.filter((outcome) => outcome !== undefined)
  const { resets, retries, connectionsOpened } = client.stats
  return {
    sent: connections,
    answered: connections - codes.length,
    codes: [...new Set(codes)],
    resets,
    retries,
    connectionsOpened,
  }
}

/** Sends so many at once, a connection for each; gives each one's error code, or undefined where it was answered. */
async function sendAll(
  client: PooledClient,
  count: number,
  method: Dispatcher.HttpMethod,
): Promise<(string | undefined)[]> {
  const one = async (): Promise<string | undefined> => {
    try {
      const { body } = await client.request({ path: '/', method })
      await body.dump()
      return undefined
    } catch (error) {
      return (error as { code?: string }).code ?? 'unknown'
    }
  }
  return Promise.all(Array.from({ length: count }, one))
}
