import { performance } from 'node:perf_hooks'
import { stripVTControlCharacters, styleText } from 'node:util'
import { formatBytes, formatMs, formatNumber } from '../format.ts'
import type { Traffic } from './traffic.ts'

const periodMs = 1000

/** The one line at the bottom of the terminal, redrawn every second: what the server does right now. */
export class LiveLine implements Disposable {
  readonly #traffic: Traffic
  readonly #stream: NodeJS.WriteStream
  readonly #timer: NodeJS.Timeout
  #note = ''
  #utilization = performance.eventLoopUtilization()
  #lastMs = performance.now()

  constructor(traffic: Traffic, stream: NodeJS.WriteStream = process.stdout) {
    this.#traffic = traffic
    this.#stream = stream
    this.#timer = setInterval(() => this.#draw(), periodMs)
    this.#timer.unref()
  }

  /** A few words at the end of the line, until the next call. */
  set note(text: string) {
    this.#note = text
    this.#draw()
  }

  /** Prints text above the line. */
  print(text: string): void {
    this.#stream.write(`\r\x1b[2K${text}\n`)
  }

  /** Removes the line. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#stream.write('\r\x1b[2K')
  }

  #draw(): void {
    const nowMs = performance.now()
    // A redraw for a note comes early: too short a window would show noise, so the figures stay until the next second.
    const seconds = (nowMs - this.#lastMs) / 1000
    if (seconds >= 0.9) this.#measure(seconds, nowMs)
    const line = `${this.#figures}${this.#note === '' ? '' : `  ${this.#note}`}`
    const width = this.#stream.columns || 80
    const fits =
      stripVTControlCharacters(line).length < width ? line : `${stripVTControlCharacters(line).slice(0, width - 2)}…`
    this.#stream.write(`\r\x1b[2K${fits}`)
  }

  #figures = 'waiting for requests'

  #measure(seconds: number, nowMs: number): void {
    const { requests, errors, p50Ms, p99Ms, handshakes, resumed } = this.#traffic.take()
    const utilization = performance.eventLoopUtilization()
    const busy = performance.eventLoopUtilization(utilization, this.#utilization).utilization
    this.#utilization = utilization
    this.#lastMs = nowMs
    const latency = requests === 0 ? 'p50 –  p99 –' : `p50 ${formatMs(p50Ms)}  p99 ${formatMs(p99Ms)}`
    const failed = errors === 0 ? 'errors 0' : styleText('red', `errors ${errors}`, { stream: this.#stream })
    this.#figures = [
      styleText('bold', `${formatNumber(requests / seconds)} QPS`, { stream: this.#stream }),
      latency,
      failed,
      ...(handshakes === 0 ? [] : [handshakeFigures(handshakes / seconds, resumed / handshakes)]),
      `loop ${Math.round(busy * 100)} %`,
      `heap ${formatBytes(process.memoryUsage().heapUsed)}`,
    ].join('  ')
  }
}

/** Only where there is TLS at all. */
function handshakeFigures(perS: number, resumedRatio: number): string {
  return `TLS ${formatNumber(perS)}/s, ${Math.round(resumedRatio * 100)} % resumed`
}
