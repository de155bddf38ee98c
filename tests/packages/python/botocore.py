import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.stub import ANY, Stubber

request = AWSRequest("GET", "https://ec2.eu-west-1.amazonaws.com/?Action=DescribeRegions", headers={"Host": "ec2.eu-west-1.amazonaws.com"})
request.context["timestamp"] = "20240506T070809Z"
auth = SigV4Auth(Credentials("AKID", "secret"), "ec2", "eu-west-1")
canonical = auth.canonical_request(request)
print(canonical)
print(auth.signature(auth.string_to_sign(request, canonical), request))
session = botocore.session.get_session()
client = session.create_client("ec2", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b", config=Config(retries={"max_attempts": 2}))
with Stubber(client) as stub:
    stub.add_response("describe_instances", {"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]}, {"Filters": ANY})
    print(client.describe_instances(Filters=[{"Name": "x", "Values": ["y"]}])["Reservations"][0]["Instances"][0]["InstanceId"])
print(client.meta.service_model.operation_model("RunInstances").input_shape.required_members)
