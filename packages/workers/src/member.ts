import type { DrainReport, RunningServer } from '@qps/http-contract'
import { messageOf, QpsError } from '@qps/core'

/** What a member of a group is started with. */
export interface MemberContext {
  host: string
  /** The first member may get 0 and picks; the others get what it picked. */
  port: number
  /** Threads listen each for themselves, with SO_REUSEPORT; processes get connections from the primary. */
  reusePort: boolean
  /** 0 for the first. */
  index: number
  /** As given to `startGroup`. */
  data: unknown
}

/** A server that is one of several. */
export interface MemberServer extends RunningServer {
  /** Figures since the previous call, as plain data; handed to the group's `onTally`. */
  take?(): unknown
}

/** What the module of a group exports. */
export interface Member {
  start(context: MemberContext): Promise<MemberServer>
}

/** From the group to a member. */
export type Order = { order: 'drain'; limitMs: number }

/** From a member to its group. */
export type News =
  | { news: 'listening'; url: string; notes: Readonly<Record<string, string>> }
  | { news: 'failed'; code: `QPS_${string}`; message: string; hint: string | undefined }
  | { news: 'state'; connections: number; tally: unknown }
  | { news: 'drained'; report: DrainReport; tally: unknown }

/** A member's line to its group. */
export interface Line {
  tell(news: News): void
  onOrder(act: (order: Order) => void): void
  /** Nothing more is said. */
  hangUp(): void
}

const statePeriodMs = 250

/** Runs one member: starts it, reports, and ends when it was drained. */
export async function runMember(line: Line, module: string, context: MemberContext): Promise<void> {
  let server: MemberServer
  try {
    const member = (await import(module)) as Member
    server = await member.start(context)
  } catch (error) {
    const own = error instanceof QpsError ? error : undefined
    line.tell({ news: 'failed', code: own?.code ?? 'QPS_MEMBER_FAILED', message: messageOf(error), hint: own?.hint })
    return line.hangUp()
  }
  const state = setInterval(() => {
    line.tell({ news: 'state', connections: server.connections(), tally: server.take?.() })
  }, statePeriodMs)
  line.onOrder(async ({ limitMs }) => {
    const report = await server.drain(limitMs)
    clearInterval(state)
    line.tell({ news: 'drained', report, tally: server.take?.() })
    line.hangUp()
  })
  line.tell({ news: 'listening', url: server.url, notes: server.notes ?? {} })
}
