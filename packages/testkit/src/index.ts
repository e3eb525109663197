// Conformance suites
export { httpSurfaceConformance, type SurfaceUnderTest } from './http-surface.ts'
export { pollerConformance } from './poller-conformance.ts'
export { poolConformance } from './pool-conformance.ts'
export { sharedMapConformance } from './shared-map-conformance.ts'
export type { MapSubject, MapSubjectOptions } from './shared-map/subject.ts'
export { ambiguousRequests } from './ambiguous-requests.ts'

// Linearizability: histories of concurrent threads, recorded and judged
export {
  checkLinearizable,
  clockStamps,
  type Counterexample,
  counterStamps,
  type Datum,
  type HistoryLegend,
  HistoryLog,
  type Linearizability,
  linearizabilityDefaults,
  mapKeyModel,
  minimalCounterexample,
  type Operation,
  operationText,
  readHistory,
  type SequentialModel,
  type SequentialOperation,
  type Stamp,
} from './linearizability/index.ts'

// Histories of maps that threads share
export { type CampaignPlan, type CampaignResult, historyCampaign } from './shared-map/campaign.ts'
export { MapCrew } from './shared-map/crew.ts'
export { type MapFault, mapFaults } from './shared-map/faults.ts'
export { historyDefaults, type HistoryPlan, type HistoryRun, runHistory } from './shared-map/histories.ts'
export { recordedKey, recordedValues } from './shared-map/recorded-values.ts'

// Stages and programs as processes
export { type StageEvent, type StageProcess, startStage } from './stage-process.ts'
export { type ProgramAvailability, requireProgram } from './programs.ts'

// Clients: bytes on the wire, well-behaved ones, slow ones
export { type RawExchange, type RawExchangeOptions, rawExchange, statuses } from './raw-exchange.ts'
export { type Bystander, type BystanderResult, startBystander } from './bystander.ts'
export { startSteadyClients, type SteadyClients, type SteadyResult } from './steady-client.ts'
export { type SlowClientsOptions, type SlowClientsResult, type SlowMode, slowClients } from './slow-clients.ts'

// HTTP/2 as bytes
export {
  callOf,
  frame,
  getRoot,
  http2Floods,
  rapidReset,
  rawHttp2,
  reset,
  settings,
  socketClosed,
  streamIds,
  windowUpdate,
} from './http2-raw.ts'

// Servers whose latency is known
export { type KnownLatencyServer, knownLatencyMs, type LatencyLaw, startKnownLatency } from './known-latency.ts'

// Errors that a test expects
export { rejectionOf, thrownBy } from './errors-of.ts'

// Documentation that runs
export { expectReadmeExample } from './readme-example.ts'
