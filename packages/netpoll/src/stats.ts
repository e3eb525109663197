import type { PollerStats } from './poller.ts'

export function newStats(): PollerStats {
  return {
    turns: 0,
    wakes: 0,
    systemCalls: 0,
    accepted: 0,
    connected: 0,
    open: 0,
    bytesRead: 0,
    bytesSent: 0,
    shortSends: 0,
    receiveStarved: 0,
    outputStarved: 0,
    overflows: 0,
    acceptPauses: 0,
  }
}
