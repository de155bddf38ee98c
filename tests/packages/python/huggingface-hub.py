import os
import tempfile
from huggingface_hub import HfApi, ModelCard, ModelCardData, hf_hub_url, try_to_load_from_cache
from huggingface_hub.utils import EntryNotFoundError, HFValidationError, filter_repo_objects, validate_repo_id

print(hf_hub_url("org/model", "config.json", revision="v1"), HfApi(endpoint="https://hub.example.com", token="t").endpoint)
card = ModelCard("---\nlicense: mit\ntags:\n- a\n- b\n---\n\n# Model\n")
print(card.data.to_dict(), card.text)
print(ModelCardData(language="en", license="apache-2.0", tags=["x"]).to_yaml())
print(list(filter_repo_objects(["a.bin", "b.txt", "c/d.bin"], allow_patterns="*.bin", ignore_patterns=["c/*"])))
print(try_to_load_from_cache("org/model", "config.json", cache_dir=tempfile.mkdtemp()))
for name in ("org/model", "a//b", "-x"):
    try:
        print(validate_repo_id(name))
    except HFValidationError as error:
        print(str(error)[:60])
