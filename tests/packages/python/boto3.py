import boto3
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.stub import Stubber

session = boto3.session.Session(aws_access_key_id="AKID", aws_secret_access_key="secret", region_name="eu-west-1")
s3 = session.client("s3")
with Stubber(s3) as stub:
    stub.add_response("list_buckets", {"Buckets": [{"Name": "one"}, {"Name": "two"}]})
    stub.add_client_error("get_object", service_error_code="NoSuchKey", http_status_code=404)
    print([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]])
    try:
        s3.get_object(Bucket="one", Key="x")
    except ClientError as error:
        print(error, error.response["Error"]["Code"])
print(s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}, ExpiresIn=60).split("?")[0])
print(s3.meta.endpoint_url, s3.get_paginator("list_objects_v2").result_keys[0].expression)
try:
    s3.put_object(Bucket="b")
except Exception as error:
    print(type(error).__name__, error)
print(session.resource("s3").Object("b", "k"))
