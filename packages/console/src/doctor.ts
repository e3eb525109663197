import { probe } from '@qps/netpoll'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'

/** One thing that the project needs or can use, as it stands on this machine. */
export interface Finding {
  name: string
  /** `missing` breaks nothing that `npm start` does; `wrong` does. */
  state: 'ok' | 'missing' | 'wrong'
  /** What was found. */
  found: string
  /** The line to type, or what to change; empty where the state is ok. */
  fix: string
}

/** Programs that tests and comparisons use, with the Debian package (or other source) that brings them. */
const programs: readonly [name: string, fix: string, use: string][] = [
  ['promtool', 'apt-get install prometheus', 'checks the metrics'],
  ['wrk', 'apt-get install wrk', 'referees the load generator'],
  ['h2load', 'apt-get install nghttp2-client', 'referees HTTP/2 load'],
  ['slowhttptest', 'apt-get install slowhttptest', 'attacks with slow clients'],
  ['gtlsclient', 'apt-get install ngtcp2-client', 'asks over HTTP/3, and moves'],
  ['chromium', 'apt-get install chromium', 'asks over HTTP/3 as a browser does'],
  ['go', 'apt-get install golang-go', 'builds the Go peers'],
]

/** Looks at this machine. No program is started and nothing is changed. */
export function examine(): Finding[] {
  const ioUring = engine('io_uring', 'Linux 6.1, Node 26.1 and a profile that allows it', 'epoll or node:net')
  const epoll = engine('epoll', 'Linux and Node 26.1', 'node:net')
  return [nodeVersion(), cores(), descriptors(), ioUring, epoll, ...programs.map(program)]
}

function nodeVersion(): Finding {
  const major = Number(process.versions.node.split('.')[0])
  const state = major >= 26 ? 'ok' : 'wrong'
  return {
    name: 'node',
    state,
    found: process.version,
    fix: state === 'ok' ? '' : 'npm ci --ignore-scripts, which brings Node 26',
  }
}

function cores(): Finding {
  const count = availableParallelism()
  const state = count >= 2 ? 'ok' : 'missing'
  return {
    name: 'cores',
    state,
    found: String(count),
    fix: state === 'ok' ? '' : 'at least 2: one for the server, one for the load',
  }
}

/** A server with 4,096 connections and its load generator need more than the usual 1,024 descriptors. */
const descriptorsMin = 10_000

function descriptors(): Finding {
  const limits = readText('/proc/self/limits')
  const soft = limits.match(/^Max open files\s+(\S+)/m)?.[1] ?? 'unknown'
  const enough = soft === 'unlimited' || Number(soft) >= descriptorsMin
  return {
    name: 'ulimit -n',
    state: enough ? 'ok' : 'missing',
    found: soft,
    fix: enough ? '' : `ulimit -n ${descriptorsMin}`,
  }
}

/** What the engine may use. It tries: a seccomp profile or a flag of Node shows only in a real call. */
function engine(backend: 'io_uring' | 'epoll', fix: string, without: string): Finding {
  const why = probe()[backend]
  return {
    name: backend,
    state: why === undefined ? 'ok' : 'missing',
    found: why ?? 'works, through node:ffi',
    fix: why === undefined ? '' : `${fix}; without it servers run on ${without}`,
  }
}

function program([name, fix, use]: (typeof programs)[number]): Finding {
  const folder = (process.env['PATH'] ?? '')
    .split(delimiter)
    .find((candidate) => candidate !== '' && existsSync(join(candidate, name)))
  return folder === undefined
    ? { name, state: 'missing', found: `not on PATH (${use})`, fix }
    : { name, state: 'ok', found: join(folder, name), fix: '' }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
