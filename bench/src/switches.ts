import { readdirSync, readFileSync } from 'node:fs'

/** How often threads left their core: on their own, to wait, or because another one was to run. */
export interface Switches {
  voluntary: number
  involuntary: number
}

/**
 * Context switches so far of all threads that a process and its descendants have now. A thread that has ended takes its
 * count along: differences are right only for servers that keep their threads.
 *
 * @param pids the processes. @returns undefined where there is no /proc.
 * Sources: proc_pid_task(5), proc_pid_status(5).
 */
export function switchesOf(pids: readonly number[]): Switches | undefined {
  if (process.platform !== 'linux') return undefined
  const sum = { voluntary: 0, involuntary: 0 }
  for (const pid of pids) {
    for (const path of taskStatusPaths(pid)) {
      const { voluntary, involuntary } = parseSwitches(readOrNothing(path))
      sum.voluntary += voluntary
      sum.involuntary += involuntary
    }
  }
  return sum
}

/** The two counters of one thread's `status`; zeros where the text has none. */
export function parseSwitches(status: string): Switches {
  const counter = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)$`, 'm').exec(status)?.[1] ?? 0)
  return { voluntary: counter('voluntary_ctxt_switches'), involuntary: counter('nonvoluntary_ctxt_switches') }
}

function taskStatusPaths(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map((thread) => `/proc/${pid}/task/${thread}/status`)
  } catch {
    return [] // It ended between the listing and the reading.
  }
}

function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
