import { Counter, Gauge, type Registry } from 'prom-client'
import { readdirSync } from 'node:fs'
import { allocatedHeapBytes } from './heap-bytes.ts'

/**
 * What the operating system and V8 know of this process: CPU seconds, memory, descriptors, start. Read when scraped,
 * so they cost nothing between two scrapes. What is V8's is of this thread, the main one.
 *
 * prom-client has default metrics of its own; they are not used because `promtool check metrics` refuses three of them
 * (gauges whose names end in `_total`).
 */
export function processMetrics(registry: Registry): void {
  const startedS = Date.now() / 1000 - process.uptime()
  const total = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  }
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  }
  total('process_cpu_seconds_total', 'User and system CPU time, all threads.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('process_start_time_seconds', 'Start of the process, Unix time.', () => startedS)
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  gauge('process_open_fds', 'Open file descriptors.', openDescriptors)
  gauge('nodejs_heap_used_bytes', "Used bytes of V8's heap.", () => process.memoryUsage().heapUsed)
  if (allocatedHeapBytes() !== undefined) {
    total(
      'nodejs_heap_allocated_bytes_total',
      "Bytes allocated in V8's heap, dead and alive; what buffers hold is not in it.",
      () => allocatedHeapBytes()!,
    )
  }
  gauge(
    'nodejs_external_memory_bytes',
    "Memory outside of V8's heap that its objects hold, buffers included.",
    () => process.memoryUsage().external,
  )
  gauge(
    'nodejs_array_buffers_bytes',
    'Of the memory outside: what ArrayBuffers and Buffers hold.',
    () => process.memoryUsage().arrayBuffers,
  )
}

/** Descriptors by counting /proc/self/fd; 0 where there is no /proc. */
function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}
