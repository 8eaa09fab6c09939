export type { AuthorizationDetail, AuthorizationDetails } from "../protocol/authorization-details.ts";
export { type Ask, ask } from "./ask.ts";
export type { Changes, ChangesOptions, GrantChange } from "./changes/changes.ts";
export { type Channel, type ContactFacts, type ContactVerdict, contactColumn, contactWords, mayContact } from "./contact.ts";
export { csvSink } from "./crm/csv-sink.ts";
export { type Driver, defineSink, type Found } from "./crm/define-sink.ts";
export { jsonlSink } from "./crm/jsonl-sink.ts";
export { flatMapping, flatten, type MapOptions, type Mapping, mapFields, type Source } from "./crm/mapping.ts";
export type {
  Ending,
  EraseReport,
  PutReport,
  Remainder,
  Scalar,
  Sink,
  SinkCheck,
  SubjectRecord,
  Values,
  WriteOptions,
} from "./crm/sink.ts";
export { type SinkProof, type SinkReport, testSink } from "./crm/test-sink.ts";
export { CounterfoilError, type ErrorCode } from "./error.ts";
export type { SdkEvent } from "./event.ts";
export type { Acting } from "./events/acting.ts";
export type { ListenOptions } from "./events/listen.ts";
export type { Receiver, ReceiverOptions } from "./events/receiver.ts";
export type { Stream, StreamWanted } from "./events/stream.ts";
export {
  type EventExpectation,
  type EventFault,
  type GrantEvent,
  memoryReplay,
  type OtherEvent,
  type ReplayMemory,
  type VendorEvent,
  verifyEvent,
} from "./events/verify-event.ts";
export { fileState } from "./file-state.ts";
export type { Attested, Grant } from "./grant.ts";
export type { GrantAnswer, Grants, OwnErasure } from "./grants.ts";
export { clientMetadata, makeKeys, publicKeys } from "./make-keys.ts";
export type { FollowsTo } from "./moves.ts";
export type { Evidence } from "./proof.ts";
export type { AccessRequest, PushedRequest, Requests } from "./requests.ts";
export { mayShare, SHARING_COLUMN, sharingWords } from "./sharing.ts";
export { memoryState, type StateStore } from "./state.ts";
export type { EnforceOptions, SyncOptions, SyncProgress, SyncReport } from "./sync-report.ts";
export type { Change } from "./taking.ts";
export { type ContactOptions, createVendor, type PullOptions, type Snapshot, type Vendor, type VendorOptions } from "./vendor.ts";
