import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { type Switches, switchesOf } from './switches.ts'

/** What a process and all its descendants have used so far. */
export interface TreeUsage {
  /** User and system time of every thread, exited and reaped children included. Resolution 10 ms on Linux. */
  cpuUs: number
  residentBytes: number
}

/** One row of the process table. */
export interface ProcessRow extends TreeUsage {
  pid: number
  parent: number
}

/** Linux counts CPU in ticks of 1/100 s towards user space on every architecture that Node runs on: USER_HZ, time(7). */
const usPerTick = 1_000_000 / 100

/**
 * CPU, memory and context switches of a whole process tree, from the operating system: nothing in the measured program can bend it.
 *
 * @returns zeros where the process is gone; no switches where the system does not tell them.
 * Sources: proc_pid_stat(5), proc_pid_status(5); `ps` where there is no /proc.
 */
export function treeUsage(pid: number): TreeUsage & { switches: Switches | undefined } {
  const rows = process.platform === 'linux' ? procTable() : psTable()
  return { ...sumTree(pid, rows), switches: switchesOf([...treeOf(pid, rows)]) }
}

/** A process and its descendants. A row whose parent is its own descendant would be a broken table: each comes once. */
function treeOf(pid: number, rows: readonly ProcessRow[]): Set<number> {
  const members = new Set([pid])
  for (let before = 0; before !== members.size;) {
    before = members.size
    for (const row of rows) if (members.has(row.parent)) members.add(row.pid)
  }
  return members
}

/** Adds up a process and its descendants. */
export function sumTree(pid: number, rows: readonly ProcessRow[]): TreeUsage {
  const members = treeOf(pid, rows)
  const sum = { cpuUs: 0, residentBytes: 0 }
  for (const row of rows) {
    if (!members.has(row.pid)) continue
    sum.cpuUs += row.cpuUs
    sum.residentBytes += row.residentBytes
  }
  return sum
}

function procTable(): ProcessRow[] {
  const rows: ProcessRow[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'latin1')
      rows.push(parseProcStat(stat, readFileSync(`/proc/${entry}/status`, 'latin1')))
    } catch {
      // It ended between the listing and the reading: its time is in its parent's row once it is reaped.
    }
  }
  return rows
}

/** One process from the texts of its `stat` and `status` files. The command in parentheses may contain anything. */
export function parseProcStat(stat: string, status: string): ProcessRow {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // Field 3 of the manual page is the first after the command.
  const field = (number: number): number => Number(fields[number - 3])
  const ticks = field(14) + field(15) + field(16) + field(17)
  const residentKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0)
  return {
    pid: Number.parseInt(stat, 10),
    parent: field(4),
    cpuUs: ticks * usPerTick,
    residentBytes: residentKiB * 1024,
  }
}

function psTable(): ProcessRow[] {
  return parsePs(execFileSync('ps', ['-axo', 'pid=,ppid=,time=,rss='], { encoding: 'utf8' }))
}

/** Rows of `ps -axo pid=,ppid=,time=,rss=`; the time is `[[DD-]HH:]MM:SS[.hundredths]`. */
export function parsePs(text: string): ProcessRow[] {
  const rows: ProcessRow[] = []
  for (const line of text.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(?:(\d+)-)?([\d:.]+)\s+(\d+)\s*$/.exec(line)
    if (!match) continue
    const clock = match[4]!.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0)
    const seconds = Number(match[3] ?? 0) * 86_400 + clock
    rows.push({
      pid: Number(match[1]),
      parent: Number(match[2]),
      cpuUs: Math.round(seconds * 1_000_000),
      residentBytes: Number(match[5]) * 1024,
    })
  }
  return rows
}
