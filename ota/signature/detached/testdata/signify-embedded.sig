untrusted comment: verify with signify.pub
RWSKnkXl7oj3n9F6w5ZaDiw3cSDVl20JyRDcGWNrLtxL4kA8owi6h9IgSnj+TibIJI491+dgl63mRDLCqmEEeMo68b+nXoDMvQ8=
An update, as small as it can be.
