import { formatBytes, formatMs, formatNumber } from '@qps/console'
import { type Measure, type MeasureInfo, measures } from './measures.ts'

/** A measure's value as people read it, with its unit where the column's title does not have it. */
export function showMeasure(measure: Measure, value: number | undefined): string {
  if (value === undefined) return '–'
  const show: Record<MeasureInfo['unit'], (value: number) => string> = {
    ns: formatNumber,
    us: formatNumber,
    ms: formatMs,
    perSecond: formatNumber,
    bytes: formatBytes,
    count: formatNumber,
    share: (ratio) => `${formatNumber(ratio * 100)} %`,
  }
  return show[measures[measure].unit](value)
}
