/** A number as people read it: three significant digits below 100, grouped thousands above. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return Number(value.toPrecision(3)).toString()
}

/** Milliseconds with the unit that fits: `85 µs`, `1.2 ms`, `3.4 s`. */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return '–'
  if (ms < 1) return `${Math.round(ms * 1000)} µs`
  return ms < 1000 ? `${formatNumber(ms)} ms` : `${formatNumber(ms / 1000)} s`
}

/** Bytes with a binary unit: `512 B`, `14.2 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let scaled = bytes
  let unit = 0
  while (Math.abs(scaled) >= 1024 && unit < units.length - 1) {
    scaled /= 1024
    unit++
  }
  return `${formatNumber(scaled)} ${units[unit]}`
}

/** A ratio of two figures as a signed difference: `+12 %`, `-3 %`. */
export function formatChange(value: number, reference: number): string {
  if (!(reference > 0) || !Number.isFinite(value)) return '–'
  const percent = (value / reference - 1) * 100
  return `${percent > 0 ? '+' : ''}${percent.toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`
}
