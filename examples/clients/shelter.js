// A shelter's system: fetches its notifications, takes up referrals, reads whom they are about.
// docs/clients.md tells with what this runs; the contract is read as it starts, so nothing is generated.
'use strict'

const { randomUUID } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')
const protobuf = require('protobufjs')

const AGENCY = 'agencies/molsa'
const CALLER = { 'jisr-officer': 'sw-0042', 'jisr-purpose': 'protection', 'accept-language': 'ar' }
// Only UNAVAILABLE is repeated by itself, which is safe because every change carries a requestId.
const RETRY = JSON.stringify({ loadBalancingConfig: [], methodConfig: [{
  name: [{}], timeout: '10s', retryPolicy: {
    maxAttempts: 4, initialBackoff: '0.2s', maxBackoff: '5s', backoffMultiplier: 2, retryableStatusCodes: ['UNAVAILABLE'] } }] })

// client returns a service whose methods answer with promises.
function client (Service, server, directory, certificate) {
  const read = (name) => readFileSync(join(directory, name))
  const credentials = grpc.credentials.createSsl(read('ca.pem'), read(`${certificate}-key.pem`), read(`${certificate}.pem`))
  const service = new Service(server, credentials, { 'grpc.service_config': RETRY })
  const metadata = new grpc.Metadata()
  for (const [name, value] of Object.entries(CALLER)) metadata.set(name, value)
  return new Proxy(service, {
    get: (_, method) => method === 'close'
      ? () => service.close()
      : (request) => new Promise((resolve, reject) => service[method](request, metadata, (error, reply) => error ? reject(error) : resolve(reply)))
  })
}

// refusal takes an error apart: its reason, facts, what to do, and the rule each field breaks.
function refusal (error, types) {
  const told = { reason: grpc.status[error.code], fields: {} }
  const [encoded] = error.metadata?.get('grpc-status-details-bin') ?? []
  if (!encoded) return told
  for (const any of types.lookupType('google.rpc.Status').decode(encoded).details) {
    const type = types.lookupType(any.type_url.split('/').pop())
    const detail = type.toObject(type.decode(any.value), { defaults: true })
    switch (type.name) {
      case 'ErrorInfo': Object.assign(told, detail.metadata, { reason: detail.reason }); break
      case 'BadRequest': for (const v of detail.fieldViolations) told.fields[v.field] = v.localizedMessage?.message || v.description; break
      case 'LocalizedMessage': [told.message, told.action] = detail.message.split('\n')
    }
  }
  return told
}

async function main (contract, server, directory) {
  const files = ['case', 'referral', 'notification'].map((name) => `jisr/v1/${name}_service.proto`)
  const { jisr } = grpc.loadPackageDefinition(loader.loadSync(files, { includeDirs: [contract], enums: String, longs: String, defaults: true }))
  const types = new protobuf.Root()
  const bundled = types.resolvePath
  types.resolvePath = (origin, target) => target.startsWith('google/rpc/') ? join(contract, target) : bundled(origin, target)
  types.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'])

  const [cases, referrals, notifications] = [jisr.v1.CaseService, jisr.v1.ReferralService, jisr.v1.NotificationService]
    .map((service) => client(service, server, directory, 'molsa-shelter'))

  // Deliveries come again until they are acknowledged; of one case, one at a time.
  for (;;) {
    const { deliveries } = await notifications.PullDeliveries({ parent: AGENCY })
    if (deliveries.length === 0) break
    for (const p of deliveries) console.log('notified of', p.notification.case, 'by', p.notification.sender)
    await notifications.AcknowledgeDeliveries({ parent: AGENCY, names: deliveries.map((p) => p.delivery.name), requestId: randomUUID() })
  }

  for (let pageToken = '', more = true; more; more = pageToken !== '') {
    const page = await referrals.ListReferrals({ parent: 'cases/-', pageSize: 20, pageToken })
    pageToken = page.nextPageToken
    for (const r of page.referrals.filter((r) => r.receiver === AGENCY)) {
      if (r.state === 'STATE_SENT' || r.state === 'STATE_RECEIVED') {
        await referrals.AcceptReferral({ name: r.name, etag: r.etag, requestId: randomUUID() })
      }
      const victim = await cases.GetVictim({ name: r.victim })
      console.log('in care:', victim.identity?.fullName?.original, '- withheld:', victim.withheld.length, 'classes')
      try {
        await cases.UpdateVictim({ victim: { name: r.victim, consular: { request: '-' } }, updateMask: { paths: ['consular.request'] }, requestId: randomUUID() })
      } catch (error) {
        console.log(JSON.stringify(refusal(error, types), null, 2))
      }
    }
  }
  for (const service of [cases, referrals, notifications]) service.close()
}

main(...process.argv.slice(2)).catch((error) => { console.error(error); process.exitCode = 1 })
