import { parentPort, workerData } from 'node:worker_threads'
import { type ConversionJob, convert } from './convert.ts'

parentPort!.postMessage(convert(workerData as ConversionJob))
