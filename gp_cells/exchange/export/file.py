"""What all exported Python files have in common."""

PREDICTIONS = {
    "keys": "the logits of independent keys",
    "classes": "the logits of classes",
    "numbers": "numbers standardised as the training split was",
}

WEIGHTS = 'WEIGHTS = Path(__file__).with_name("weights.safetensors")'

LOAD = '''\
def load(path=WEIGHTS):
    """Return the trained network, its weights read from a safetensors file."""
    data = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    weights, entries = {}, json.loads(data[8:start])
    entries.pop("__metadata__", None)
    for name, entry in entries.items():
        first, last = entry["data_offsets"]
        place = {"offset": start + first, "count": (last - first) // 4}
        numbers = torch.frombuffer(data, dtype=torch.float32, **place)
        weights[name] = numbers.reshape(entry["shape"]).clone()
    network = Network()
    network.load_state_dict(weights)
    return network.eval()
'''
