import { readFileSync } from 'node:fs'

/** State 06 of /proc/net/tcp. Source: Linux, include/net/tcp_states.h. */
const timeWaitState = '06'

/**
 * Sockets in TIME_WAIT: the side that closed first keeps the address pair for a minute (60 s, not configurable in Linux), so
 * that late segments meet nobody's next connection. Pairs, not memory, are what runs out: about 28,000 towards one server.
 */
export interface TimeWait {
  /** In the whole network namespace, whoever made them: `tw` of /proc/net/sockstat. */
  total: number
  /** Those with this experiment's port at either end, from /proc/net/tcp. */
  own: number
}

/** Undefined where the system has no /proc. @param port of the experiment's server. Source: proc_net_tcp.rst of the kernel. */
export function countTimeWait(port: number): TimeWait | undefined {
  try {
    const total = Number(/^TCP:.* tw (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1])
    const ours = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
    const own = readFileSync('/proc/net/tcp', 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(
        ([, local, remote, state]) => state === timeWaitState && (local?.endsWith(ours) || remote?.endsWith(ours)),
      )
    return { total, own: own.length }
  } catch {
    return undefined
  }
}
