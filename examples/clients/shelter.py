"""A shelter's system: fetches its notifications, takes up referrals, reads whom they are about.

docs/clients.md tells how the modules below are generated, and with what this runs.
"""

import json
import os
import sys
import uuid

import grpc
from google.protobuf import field_mask_pb2
from google.rpc import error_details_pb2, status_pb2
from jisr.v1 import case_service_pb2, case_service_pb2_grpc, victim_pb2
from jisr.v1 import notification_service_pb2, notification_service_pb2_grpc
from jisr.v1 import referral_pb2, referral_service_pb2, referral_service_pb2_grpc

AGENCY = "agencies/molsa"
CALLER = [("jisr-officer", "sw-0042"), ("jisr-purpose", "protection"), ("accept-language", "ar")]
# Only UNAVAILABLE is repeated by itself, which is safe because every change carries a request_id.
RETRY = json.dumps({"methodConfig": [{"name": [{}], "timeout": "10s", "retryPolicy": {
    "maxAttempts": 4, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]}}]})


def dial(server, directory, certificate):
    def read(name):
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()

    credentials = grpc.ssl_channel_credentials(
        read("ca.pem"), read(certificate + "-key.pem"), read(certificate + ".pem"))
    return grpc.secure_channel(server, credentials, [("grpc.service_config", RETRY)])


def refusal(error):
    """Takes an error apart: its reason, facts, what to do, and the rule each field breaks."""
    status, told = status_pb2.Status(), {"reason": error.code().name, "fields": {}}
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    for detail in status.details:
        info, wrong, words = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.LocalizedMessage()
        if detail.Unpack(info):
            told.update(info.metadata, reason=info.reason)
        elif detail.Unpack(wrong):
            told["fields"] = {v.field: v.localized_message.message or v.description for v in wrong.field_violations}
        elif detail.Unpack(words):
            told["message"], told["action"] = words.message.split("\n")
    return told


def pages(call, request):
    """Calls a List method until its last page."""
    while True:
        page = call(request, metadata=CALLER)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


def main(server, directory):
    channel = dial(server, directory, "molsa-shelter")
    cases = case_service_pb2_grpc.CaseServiceStub(channel)
    referrals = referral_service_pb2_grpc.ReferralServiceStub(channel)
    notifications = notification_service_pb2_grpc.NotificationServiceStub(channel)

    # Deliveries come again until they are acknowledged; of one case, one at a time.
    while pulled := notifications.PullDeliveries(
            notification_service_pb2.PullDeliveriesRequest(parent=AGENCY), metadata=CALLER).deliveries:
        for p in pulled:
            print("notified of", p.notification.case, "by", p.notification.sender)
        notifications.AcknowledgeDeliveries(notification_service_pb2.AcknowledgeDeliveriesRequest(
            parent=AGENCY, names=[p.delivery.name for p in pulled], request_id=str(uuid.uuid4())), metadata=CALLER)

    for page in pages(referrals.ListReferrals, referral_service_pb2.ListReferralsRequest(parent="cases/-", page_size=20)):
        for r in page.referrals:
            if r.receiver != AGENCY:
                continue
            if r.state in (referral_pb2.Referral.STATE_SENT, referral_pb2.Referral.STATE_RECEIVED):
                referrals.AcceptReferral(referral_service_pb2.AcceptReferralRequest(
                    name=r.name, etag=r.etag, request_id=str(uuid.uuid4())), metadata=CALLER)
            victim = cases.GetVictim(case_service_pb2.GetVictimRequest(name=r.victim), metadata=CALLER)
            print("in care:", victim.identity.full_name.original, "- withheld:", len(victim.withheld), "classes")
            try:
                cases.UpdateVictim(case_service_pb2.UpdateVictimRequest(
                    victim=victim_pb2.Victim(name=r.victim, consular=victim_pb2.VictimConsular(request="-")),
                    update_mask=field_mask_pb2.FieldMask(paths=["consular.request"]), request_id=str(uuid.uuid4())), metadata=CALLER)
            except grpc.RpcError as error:
                print(json.dumps(refusal(error), ensure_ascii=False, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
