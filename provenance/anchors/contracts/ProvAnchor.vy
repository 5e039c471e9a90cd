# pragma version 0.4.3
# pragma evm-version shanghai
"""
@title ProvAnchor
@license Apache-2.0
@notice Keeps the signed heads of append-only logs. A log can only grow here: a size once anchored
        keeps its root for ever, and nobody but the account that deployed the contract may write.
"""

event Anchored:
    log_id: indexed(bytes32)
    size: indexed(uint64)
    root: bytes32


# Who may write; set at deployment, cannot be handed on.
owner: public(immutable(address))

# The largest size anchored for a log; 0 for a log never seen.
head_size: public(HashMap[bytes32, uint64])

# The root at each anchored size; zero where nothing was anchored.
root_at: public(HashMap[bytes32, HashMap[uint64, bytes32]])


@deploy
def __init__():
    owner = msg.sender


@external
def anchor(log_id: bytes32, size: uint64, root: bytes32):
    """
    @notice Write down that the log `log_id` has the root `root` over its first `size` entries.
    """
    assert msg.sender == owner, "only the owner anchors"
    assert root != empty(bytes32), "root is empty"
    assert size > self.head_size[log_id], "size must grow"
    self.head_size[log_id] = size
    self.root_at[log_id][size] = root
    log Anchored(log_id=log_id, size=size, root=root)
