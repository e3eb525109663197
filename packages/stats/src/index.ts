// Latencies: record, merge, ask for percentiles.
export { Histogram, type HistogramSnapshot } from './histogram.ts'
// Rounds of an experiment: the median and its spread.
export { summarize, type Summary } from './summary.ts'
// Is the measurement possible at all?
export { littleRatio } from './little.ts'
